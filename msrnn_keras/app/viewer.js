// Steps through the frames of a forecast. Gradio runs it once, with the
// component as `element`; a new forecast replaces what is inside.
const show = (viewer, step) => {
  const past = Number(viewer.dataset.past);
  const labels = viewer.dataset.labels.split("|");
  viewer.style.setProperty("--step", step);
  viewer.classList.toggle("past", step < past);
  viewer.querySelector(".frame").value = step;
  viewer.querySelector(".time").value =
    (step < past ? "past " : "forecast ") + labels[step];
};
const pause = () => {
  clearInterval(element.timer);
  element.timer = null;
  const button = element.querySelector(".play");
  if (button) button.textContent = "Play";
};
const next = () => {
  const viewer = element.querySelector(".viewer");
  if (!viewer) return pause();
  const frame = viewer.querySelector(".frame");
  show(viewer, (Number(frame.value) + 1) % (Number(frame.max) + 1));
};
element.addEventListener("input", (event) => {
  if (!event.target.matches(".frame")) return;
  pause();
  show(event.target.closest(".viewer"), Number(event.target.value));
});
element.addEventListener("click", (event) => {
  if (!event.target.matches(".play")) return;
  if (element.timer) return pause();
  element.timer = setInterval(next, 400);
  event.target.textContent = "Pause";
});
watch("value", pause);
