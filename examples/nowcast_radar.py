# %% [markdown]
"""Nowcast rain with a published model, from radar files to a report.

    pip install "msrnn-keras[radar]"
    python -m examples.nowcast_radar --out nowcast.html

Downloads the example data of pysteps once and forecasts its Finnish event of
2017-05-09 (Finnish Meteorological Institute, CC BY 4.0) with the radar preset:
30 minutes in, an hour ahead, on the preset's grid of 2 km. The scores are
beside persistence, optical flow, and optical flow blurred and weakened. The
preset's blend was chosen on this event, so these scores are kind to it; those
of its card are of other events. `--files` and `--importer` take your own radar.
"""

# %%
import pathlib

import zoo
from msrnn_keras import data, metrics
from msrnn_keras.baselines import OpticalFlow, Persistence, SmoothedFlow
from msrnn_keras.evaluation import evaluate, score_table
from msrnn_keras.report import evaluation_report

PRESET = "ms-convlstm/radar"
THRESHOLDS = (0.1, 1.0)  # mm/h
CLIPS = 4
SIDE = 256  # of the middle that is forecast, pixels of 2 km


# %% [markdown]
# ## The radar


# %%
def download():
    """The files of an event of pysteps' example data, downloaded once."""
    from pysteps.datasets import download_pysteps_data

    folder = pathlib.Path.home() / ".keras" / "datasets" / "pysteps-data"
    if not folder.is_dir():
        download_pysteps_data(str(folder))
    return sorted((folder / "radar/fmi/pgm/20170509").glob("*.pgm.gz"))


def clips_of(recording, model, grid_step=None):
    """Clips of the middle of a recording, as the preset takes them."""
    rain = data.as_trained(recording, model, grid_step)
    middle = tuple(
        slice(max(0, (size - SIDE) // 2), (size + SIDE) // 2)
        for size in rain.image_shape[:2]
    )
    cut = data.ArraySource(
        rain.frames[:, *middle],
        rain.segments,
        rain.scaling,
        rain.interval,
        rain.times,
    )
    sizes = model.context, model.horizon
    return data.Clips(cut, *sizes, batch_size=1, num_clips=CLIPS)


# %% [markdown]
# ## The forecast


# %%
def run(model, clips, out):
    """Score the model beside the others, write the report."""
    sizes = model.context, model.horizon
    flow = {"flow_frames": model.context}
    others = [
        Persistence(*sizes),
        OpticalFlow(*sizes, **flow),
        SmoothedFlow(*sizes, **flow),
    ]
    chosen = [metrics.MSE(), *metrics.threshold_metrics(THRESHOLDS)]
    scores = {
        scored.name: evaluate(scored, clips, chosen, verbose=1)
        for scored in (model, *others)
    }
    columns = ["mse", *(f"csi_{threshold:g}" for threshold in THRESHOLDS)]
    print(score_table(scores, columns=columns))
    past, _ = clips[0]
    mean = model.predict(past, verbose=0)
    heavy = model.forecast(past, matched=True)
    for name, forecast in (("mean", mean), ("matched", heavy)):
        most = clips.scaling.inverse(forecast).max()
        print(f"Heaviest rain of the first forecast, {name}: {most:.1f} mm/h")
    evaluation_report(
        out,
        model,
        clips,
        scores,
        radar=True,
        baselines=others[1:2],
        interval=5,
        unit="min",
        setting={"Data": f"{clips.num_clips} clips of radar, 2 km"},
    )
    print(f"Wrote {out}.")
    return scores


# %% tags=["active-ipynb"]
# model = zoo.load(PRESET)
# rain = data.from_radar(download(), "fmi_pgm", gzipped=True)
# scores = run(model, clips_of(rain, model), "nowcast.html")

# %% tags=["active-ipynb"]
# from IPython.display import Image
#
# from msrnn_keras import plots
#
# curves = {name: score["curves"]["mse"] for name, score in scores.items()}
# plots.plot_curves(curves, "MSE", 5, "min").savefig("nowcast.png")
# Image("nowcast.png")


# %% tags=["active-py"]
def main(arguments=None):
    import argparse

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", help="pattern of your own radar files")
    parser.add_argument("--importer", help="of pysteps, for your own files")
    parser.add_argument("--grid-step", type=float, help="km, if not stated")
    parser.add_argument("--model", default=PRESET)
    parser.add_argument("--out", default="nowcast.html", help="the report")
    options = parser.parse_args(arguments)
    if options.files:
        rain = data.from_radar(options.files, options.importer)
    else:
        rain = data.from_radar(download(), "fmi_pgm", gzipped=True)
    model = zoo.load(options.model)
    run(model, clips_of(rain, model, options.grid_step), options.out)


if __name__ == "__main__":
    main()
