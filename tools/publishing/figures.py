"""Published figures that stand beside those of a preset, in its card."""

TEXT = """
## Published figures

For Moving MNIST, of other training and scored on another test file than the
one above: they compare in kind, not to the digit. A column compares with none
of the other protocol.

| protocol `forecast`, unclipped (OpenSTL, 200 epochs) | MSE | MAE |
|---|---|---|
{forecast}

| protocol `ms-rnn` (the MS-RNN paper) | MSE |
|---|---|
{ms_rnn}
"""
# Moving MNIST: MSE and MAE; https://arxiv.org/abs/2306.11249
OPENSTL = {
    "ConvLSTM": (29.80, 90.64),
    "PredRNN": (23.97, 72.82),
    "PredRNN++": (22.06, 69.58),
    "MIM": (22.55, 69.97),
    "PredRNN-V2": (24.13, 73.73),
    "SimVP": (32.15, 89.05),
}
# Moving MNIST: MSE; https://arxiv.org/abs/2206.03010
MS_RNN = {
    "ConvLSTM": (82.01,),
    "MS-ConvLSTM": (58.31,),
    "PredRNN++": (61.36,),
    "MS-PredRNN++": (46.55,),
    "MotionRNN": (55.35,),
    "MS-MotionRNN": (51.55,),
}


def published_figures(dataset):
    """Gives the section of a card with the published figures.

    Args:
        dataset: string, name of the data set.

    Returns:
        string, Markdown; empty where none are known.
    """
    if dataset != "mnist":
        return ""
    return TEXT.format(forecast=_rows(OPENSTL), ms_rnn=_rows(MS_RNN))


def _rows(figures):
    return "\n".join(
        f"| {name} | {' | '.join(f'{value:.2f}' for value in values)} |"
        for name, values in figures.items()
    )
