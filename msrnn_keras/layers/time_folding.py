"""Time as part of the batch or of the channels."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="msrnn_keras")
class TimeToBatch(keras.layers.Layer):
    """Folds time into the batch: `(b, t, h, w, c)` to `(b · t, h, w, c)`."""

    def call(self, x):
        _, _, height, width, channels = ops.shape(x)
        return ops.reshape(x, (-1, height, width, channels))

    def compute_output_shape(self, input_shape):
        batch, time, *rest = input_shape
        return (None if None in (batch, time) else batch * time, *rest)


class _TimeLayer(keras.layers.Layer):
    """A layer that knows the number of frames of a clip."""

    def __init__(self, frames, **kwargs):
        super().__init__(**kwargs)
        self.frames = frames

    def get_config(self):
        return {**super().get_config(), "frames": self.frames}


@keras.saving.register_keras_serializable(package="msrnn_keras")
class BatchToTime(_TimeLayer):
    """Takes time out of the batch: inverts `TimeToBatch`.

    Args:
        frames: Integer, frames of a clip.
        **kwargs: Arguments of `keras.layers.Layer`.
    """

    def call(self, x):
        _, height, width, channels = ops.shape(x)
        return ops.reshape(x, (-1, self.frames, height, width, channels))

    def compute_output_shape(self, input_shape):
        count, *rest = input_shape
        return (count and count // self.frames, self.frames, *rest)


@keras.saving.register_keras_serializable(package="msrnn_keras")
class TimeToChannels(_TimeLayer):
    """Moves time from the batch to the channels, time first.

    `(b · frames, h, w, c)` becomes `(b, h, w, frames · c)`.

    Args:
        frames: Integer, frames of a clip.
        **kwargs: Arguments of `keras.layers.Layer`.
    """

    def call(self, x):
        _, height, width, channels = ops.shape(x)
        # Four dimensions at most: transposing more is slow.
        x = ops.reshape(x, (-1, self.frames, height * width, channels))
        x = ops.transpose(x, (0, 2, 1, 3))
        return ops.reshape(x, (-1, height, width, self.frames * channels))

    def compute_output_shape(self, input_shape):
        count, height, width, channels = input_shape
        batch = count and count // self.frames
        return (batch, height, width, self.frames * channels)


@keras.saving.register_keras_serializable(package="msrnn_keras")
class ChannelsToTime(_TimeLayer):
    """Moves time from the channels to the batch: inverts `TimeToChannels`.

    Args:
        frames: Integer, frames of a clip.
        **kwargs: Arguments of `keras.layers.Layer`.
    """

    def call(self, x):
        _, height, width, channels = ops.shape(x)
        own = channels // self.frames
        x = ops.reshape(x, (-1, height * width, self.frames, own))
        x = ops.transpose(x, (0, 2, 1, 3))
        return ops.reshape(x, (-1, height, width, own))

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        count = batch and batch * self.frames
        return (count, height, width, channels // self.frames)
