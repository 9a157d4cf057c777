"""One pass of SimVP: `context` frames in, as many frames out."""

import math

import keras

from msrnn_keras import layers
from msrnn_keras.layers.time_folding import (
    BatchToTime,
    ChannelsToTime,
    TimeToBatch,
    TimeToChannels,
)
from msrnn_keras.models import published_weights as published
from msrnn_keras.models.simvp.frame_coder import FrameCoder
from msrnn_keras.models.simvp.initializers import uniform_conv
from msrnn_keras.models.simvp.translators import TRANSLATORS, Settings


class Network:
    """The layers of a pass and their functional graph.

    Args:
        frames: `keras.Input` of a clip.
        context: Integer, frames of a clip.
        policy: `keras.DTypePolicy`.
        missing: As in `SimVP`.
        given: Dict, the other arguments of `SimVP`, checked.
    """

    def __init__(self, frames, context, policy, missing, given):
        masked, own = missing == "mask", {"dtype": policy}
        options = {"dtype": policy, "remat": given["remat"]}
        coder = self.coder = FrameCoder(
            frames.shape[-1] * (2 if masked else 1),
            given["filters"],
            given["spatial_layers"],
            given["encoder_kernel_size"],
            given["decoder_kernel_size"],
            given["original"],
            **options,
        )
        settings = Settings(
            given["translator_filters"],
            given["translator_blocks"],
            given["mlp_ratio"],
            given["drop_path_rate"],
            given["inception_kernel_sizes"],
            given["inception_groups"],
            options,
        )

        # Encoder
        multiple = 2 ** sum(x.resize == "up" for x in coder.decoder)
        frame = TimeToBatch(dtype=frames.dtype, name="time_to_batch")(frames)
        pad = {"fill": math.nan if masked else 0.0, "name": "pad", **own}
        x = layers.PadToMultiple(multiple, **pad)(frame)
        if masked:
            x = layers.MarkMissing(name="mark_missing", **own)(x)
        x, skip = coder.encode(x)

        # Translator
        x = TimeToChannels(context, name="time_to_channels", **own)(x)
        translator = TRANSLATORS[given["translator"]]
        x, self.blocks = translator.apply(x, settings)
        x = ChannelsToTime(context, name="channels_to_time", **own)(x)

        # Decoder; what becomes a frame is in full precision
        x = coder.decode(x, skip)
        own["dtype"] = policy.variable_dtype
        sizes = (x.shape[-1], frames.shape[-1])
        self.readout = uniform_conv(*sizes, name="readout", **own)
        x = layers.CropToFrame(name="crop", **own)([self.readout(x), frame])
        future = BatchToTime(context, name="batch_to_time", **own)(x)
        self.graph = keras.Model(frames, future, name="network")

    def published_weights(self):
        """Return a dict from published name to `PublishedWeight`, in order."""
        coder = {}
        for part in ("encoder", "decoder"):
            coder[part] = {}
            for index, layer in enumerate(getattr(self.coder, part)):
                name = f"{part[:3]}.{part[:3]}.{index}"
                coder[part] |= layer.published_weights(name)
        readout = published.convolution("dec.readout", self.readout)
        decoder = coder["decoder"] | readout
        translator = {}
        for name, block in self.blocks.items():
            translator |= block.published_weights(f"hid.{name}")
        if self.coder.original:
            return coder["encoder"] | translator | decoder
        return coder["encoder"] | decoder | translator


def published_sizes(arrays, size):
    """Return the arguments of `SimVP` that the arrays of a checkpoint tell."""

    def count(part):
        known = (name for name in arrays if name.startswith(f"{part}."))
        return 1 + max((int(n.split(".")[2]) for n in known), default=-1)

    def shape(*names):
        found = [arrays[name].shape for name in names if name in arrays]
        if not found:
            raise ValueError(
                f"The checkpoint of SimVP has an array {names[-1]}. "
                f"Received: {sorted(arrays)[:6]}"
            )
        return found[0]

    first, kernel = "hid.enc.0.layers.0.conv.weight", "conv.conv.weight"
    filters, _, side, _ = shape(f"enc.enc.0.{kernel}")
    last = f"dec.dec.{count('dec.dec') - 1}.{kernel}"
    v1, v2 = "hid.enc.0.conv1.weight", "hid.enc.0.block.attn.proj_1.weight"
    width = shape(v1, v2)[1]
    wide = (first, "hid.enc.0.reduction.weight", v2)
    options = {
        "image_shape": (*size[:2], shape("dec.readout.weight")[0]),
        "context": width // filters,
        "filters": filters,
        "translator_filters": shape(*wide)[0],
        "spatial_layers": count("enc.enc"),
        "translator_blocks": count("hid.enc"),
        "encoder_kernel_size": side,
        "decoder_kernel_size": shape(last)[2],
    }
    fc1 = arrays.get("hid.enc.0.block.mlp.fc1.weight")
    if fc1 is not None:
        options["mlp_ratio"] = len(fc1) / width
    return options
