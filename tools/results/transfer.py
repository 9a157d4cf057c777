"""Score presets on frames of another size and on a longer horizon.

The scores are in `zoo/other_sizes.json`, by preset revision.
"""

import json

import zoo
from msrnn_keras import data
from msrnn_keras.baselines import Persistence
from msrnn_keras.evaluation import evaluate
from msrnn_keras.metrics import MSE
from msrnn_keras.presets.registry import MANIFEST
from msrnn_keras.utils.files import write_atomically
from tools.publishing.tables import read_results
from tools.results.presets import DATASET, pairs

CLIPS = 100
FILE = MANIFEST.with_name("other_sizes.json")
SETTINGS = {
    "64×64, two digits, 10 frames ahead": {},
    "96×96, three digits, 10 frames ahead": {
        "image_shape": (96, 96),
        "num_digits": 3,
        "speed": 0.1 * 36 / 68,  # as many pixels per frame as at 64×64
    },
    "64×64, two digits, 30 frames ahead": {"horizon": 30},
}
PERSISTENCE = "persistence"


def score(model, options, path):
    """Return the forecast MSE of a model, or of persistence if it is None."""
    test = data.load(DATASET, "test", path=path, num_clips=CLIPS, **options)
    if model is None:
        model = Persistence(test.context, test.horizon)
    scores = evaluate(model, test, metrics=[MSE()], verbose=0)
    return round(scores["forecast"]["mse"], 2)


def load(name, options):
    """Return a preset for frames of another size and another horizon."""
    changes = {k: v for k, v in options.items() if k == "horizon"}
    if "image_shape" in options:
        changes["image_shape"] = (*options["image_shape"], 1)
    return zoo.load(name, **changes)


def read():
    """Return the scores by preset; those of other settings do not count."""
    found = read_results(FILE)
    return found["scores"] if found.get("of") == _header() else {}


def measure(found, path):
    """Score all pairs that were not scored; return and write all scores."""
    scores = read()
    names = {x.folder: x.name for pair in pairs(found) for x in pair}
    for folder, name in {PERSISTENCE: None, **names}.items():
        if folder not in scores:
            scores[folder] = {
                setting: score(name and load(name, options), options, path)
                for setting, options in SETTINGS.items()
            }
            _write({"of": _header(), "scores": scores})
    return scores


def _header():
    """Return what the scores depend on besides the preset, as JSON has it."""
    return json.loads(json.dumps({"clips": CLIPS, "settings": SETTINGS}))


def _write(results):
    """Write the file of the scores."""
    text = json.dumps(results, indent=1, ensure_ascii=False) + "\n"
    write_atomically(FILE, lambda part: part.write_text(text, encoding="utf-8"))
