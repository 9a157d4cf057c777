"""The states of a cell: names, shapes and number formats."""

import keras
from keras import ops


class States:
    """What a `ConvRNNCell` tells of its states, and its zero states.

    Subclasses name the states in `State`. Those in `float32_states`, to which
    steps add up, come and go in the number format of the weights: under
    `"mixed_bfloat16"` and `"mixed_float16"` they are float32, where a small
    addition is not lost. The others have that of the computations.
    """

    State = None  # a NamedTuple class: the states' names, in order
    float32_states = ()  # names of those that keep the precision of the weights

    @property
    def state_size(self):
        return [self.filters] * len(self.State._fields)

    @property
    def has_memory(self):
        """Whether the first state is the memory that runs through a stack."""
        return self.State._fields[0] == "m"

    @property
    def state_dtypes(self):
        """Number formats of the states, in order, as strings."""
        return [
            self.variable_dtype
            if name in self.float32_states
            else self.compute_dtype
            for name in self.State._fields
        ]

    def state_shapes(self, image_shape):
        """Shapes `(height, width, channels)` of the states, in order.

        Args:
            image_shape: Tuple `(height, width)` of the cell's input, pixels;
                None where unknown.
        """
        return [(*image_shape, size) for size in self.state_size]

    def get_initial_state(self, batch_size=None, image_shape=None):
        """Zero states.

        Args:
            batch_size: Integer or scalar tensor.
            image_shape: Tuple `(height, width)` of the input. None takes the
                size the cell was built with.

        Returns:
            List of zero tensors, one for each state.

        Raises:
            ValueError: If `image_shape` is None and the cell was built for
                inputs of any size.
        """
        if image_shape is None:
            image_shape = self._built_size
            if None in image_shape:
                raise ValueError(
                    "`image_shape` is needed where the cell was built for "
                    f"inputs of any size. Received: image_shape={image_shape}"
                )
        shapes = self.state_shapes(tuple(image_shape))
        return [
            ops.zeros((batch_size, *shape), dtype=dtype)
            for shape, dtype in zip(shapes, self.state_dtypes, strict=True)
        ]

    def compute_output_shape(self, inputs_shape, states_shape=None):
        batch, *size = inputs_shape[:3]
        states = [(batch, *s) for s in self.state_shapes(tuple(size))]
        return (batch, *size, self.output_size), states

    def compute_output_spec(self, inputs, states, training=None):
        output, shapes = self.compute_output_shape(inputs.shape)
        new_states = [
            keras.KerasTensor(shape, dtype)
            for shape, dtype in zip(shapes, self.state_dtypes, strict=True)
        ]
        return keras.KerasTensor(output, self.compute_dtype), new_states
