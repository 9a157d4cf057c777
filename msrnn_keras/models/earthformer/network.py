"""The layers of Earthformer and their wiring."""

from msrnn_keras.models.earthformer.attention import CuboidSelfAttention
from msrnn_keras.models.earthformer.blocks import CrossBlock, SelfBlock
from msrnn_keras.models.earthformer.cross_attention import CuboidCrossAttention
from msrnn_keras.models.earthformer.embedding import (
    GlobalVectors,
    InitialState,
    PositionEmbedding,
)
from msrnn_keras.models.earthformer.global_attention import GlobalSelfAttention
from msrnn_keras.models.earthformer.parts import linear, uniform_linear
from msrnn_keras.models.earthformer.resizing import (
    ConvBlock,
    PatchMerge,
    Upsample,
)


class Network:
    """Builds the graph of Earthformer, part by part.

    Args:
        settings: Namespace of `settings.complete`.
        dtype: `keras.DTypePolicy`.

    `parts` has the layers by their published names.
    """

    def __init__(self, settings, dtype):
        self.given, self.dtype, self.parts = settings, dtype, {}
        shared = ("num_heads", "padding_type", "use_relative_pos")
        names = (*shared, "attn_drop", "proj_drop")
        self._attention = {name: getattr(settings, name) for name in names}
        self._ffn = {
            "activation": settings.ffn_activation,
            "gated": settings.gated_ffn,
            "drop": settings.ffn_drop,
        }

    def initial_encoder(self, x):
        """Return the frames as a smaller map of `base_units` channels."""
        given = self.given
        for k, stage in enumerate(given.stages):
            x = self._convolve("initial_encoder", k, x, stage.convs, stage)
            name = self._stage_name("initial_encoder", "patch_merge", k)
            merge = (stage.factor, stage.dim, stage.dim)
            x = self._add(name, PatchMerge, *merge)(x)
        return x

    def encoder(self, x):
        """Return the memories and the global vectors (or None) of levels."""
        given, memories, levels = self.given, [], []
        x = self._embed("enc_pos_embed", given.context, 0)(x)
        vectors = None
        if given.num_global_vectors:
            sizes = (given.num_global_vectors, self._global_dim(0))
            vectors = self._add("init_global_vectors", GlobalVectors, *sizes)(x)
        for i in range(given.levels):
            for n in range(given.enc_depth[i]):
                block = self._self_block("encoder.blocks", i, n, vectors)
                x, vectors = _both(block, x, vectors)
            memories.append(x)
            levels.append(vectors)
            if i + 1 < given.levels:
                x, vectors = self._down(i, x, vectors)
        return memories, levels

    def decoder(self, memories, vectors):
        """Return the map of the forecast."""
        given, top = self.given, self.given.levels - 1
        shape = self._shape(given.horizon, top)
        options = (shape, given.pos_embed_type, given.z_init_method)
        state = self._add("z", InitialState, *options)
        x = state(memories[top])
        del self.parts["z"]
        self.parts |= {"z_proj": state.z_proj, "dec_pos_embed": state.pos_embed}
        for i in reversed(range(given.levels)):
            x = self._decoder_level(i, x, memories[i], vectors[i])
            if i:
                x = self._up(i, x)
        return x

    def final_decoder(self, x):
        """Return frames of the original size."""
        given = self.given
        stages = list(zip(given.stages, given.stage_sizes, strict=True))
        for k, (stage, size) in enumerate(reversed(stages)):
            name = self._stage_name("final_decoder", "upsample", k)
            x = self._add(name, Upsample, size, x.shape[-1])(x)
            x = self._convolve("final_decoder", k, x, stage.final_convs, stage)
        # Forecasts have the precision of the frames.
        policy = self.dtype.variable_dtype
        self.parts["dec_final_proj"] = linear(
            given.output_channels, "dec_final_proj", policy
        )
        return self.parts["dec_final_proj"](x)

    def _add(self, name, make, *args, **kwargs):
        """Return a new layer of a published name."""
        path = name.replace(".", "_")
        layer = make(*args, **kwargs, name=path, dtype=self.dtype)
        self.parts[name] = layer
        return layer

    def _stage_name(self, part, layer, k):
        """Return the published name of a layer of a stage."""
        is_list = self.given.initial_downsample_type == "stack_conv"
        return f"{part}.{layer}_list.{k}" if is_list else f"{part}.{layer}"

    def _convolve(self, part, k, x, count, stage):
        """Apply the convolutions of a stage."""
        if count:
            name = self._stage_name(part, "conv_block", k)
            activation = self.given.initial_downsample_activation
            sizes = (count, x.shape[-1], stage.dim, stage.groups)
            return self._add(name, ConvBlock, *sizes, activation)(x)
        if x.shape[-1] != stage.dim:
            raise ValueError(
                f"A stage of {stage.dim} channels without convolutions must "
                "get as many. Received: a map of "
                f"{x.shape[-1]} channels in {part}"
            )
        return x

    def _shape(self, frames, level):
        """Return the shape of a map without the batch."""
        given = self.given
        return (frames, *given.sizes[level], given.units[level])

    def _embed(self, name, frames, level):
        """Return a new position embedding."""
        options = (self._shape(frames, level), self.given.pos_embed_type)
        return self._add(name, PositionEmbedding, *options)

    def _global_dim(self, level):
        return self.given.units[level] * self.given.global_dim_ratio

    def _down(self, i, x, vectors):
        """Return map and global vectors at the next level."""
        given, name = self.given, f"encoder.down_layers.{i}"
        sizes = (given.downsample, *given.units[i : i + 2])
        x = self._add(name, PatchMerge, *sizes)(x)
        if vectors is not None:
            name = f"encoder.down_layer_global_proj.{i}"
            dims = (self._global_dim(i + 1), self._global_dim(i))
            vectors = self._add(name, uniform_linear, *dims)(vectors)
        return x, vectors

    def _up(self, i, x):
        """Return the map at the level above."""
        given, name = self.given, f"decoder.upsample_layers.{i - 1}"
        sizes = (given.sizes[i - 1], given.units[i - 1])
        x = self._add(name, Upsample, *sizes)(x)
        if given.dec_hierarchical_pos_embed:
            name = f"decoder.hierarchical_pos_embed_l.{i - 1}"
            x = self._embed(name, given.horizon, i - 1)(x)
        return x

    def _decoder_level(self, i, x, memory, vectors):
        """Return the map after the blocks of a level."""
        given = self.given
        # Self-attention of a z that has read nothing is left out.
        skipped = i == given.levels - 1 and not given.dec_use_first_self_attn
        own = vectors if given.use_dec_self_global else None
        for n in range(given.dec_depth[i]):
            if n >= skipped:
                name = "decoder.self_blocks"
                block = self._self_block(name, i, n - skipped, own)
                x, changed = _both(block, x, own)
                if given.dec_self_update_global and own is not None:
                    own = vectors = changed
            if i >= given.dec_cross_start:
                read = vectors if given.use_dec_cross_global else None
                block = self._cross_block(i, n, read)
                x = block([x, memory] if read is None else [x, memory, read])
        return x

    def _self_block(self, name, i, n, vectors):
        """Return a new block of self-attention."""
        given, encoding = self.given, name == "encoder.blocks"
        frames = given.context if encoding else given.horizon
        *shape, dim = self._shape(frames, i)
        options = {
            "self_attn_use_final_proj": given.self_attn_use_final_proj,
            **self._attention,
        }
        make, global_dim = CuboidSelfAttention, None
        if vectors is not None:
            make, width = GlobalSelfAttention, self._global_dim(i)
            global_dim = width if given.use_global_vector_ffn else None
            options |= {
                "global_dim": width,
                "use_global_self_attn": given.use_global_self_attn,
                "separate_global_qkv": given.separate_global_qkv,
            }
        attentions = [
            make(
                dim=dim,
                shape=shape,
                **cuboid._asdict(),
                **options,
                name=f"attn_{j}",
                dtype=self.dtype,
            )
            for j, cuboid in enumerate(
                given.cuboids["enc" if encoding else "dec_self"][i]
            )
        ]
        inter = given.enc_use_inter_ffn if encoding else given.dec_use_inter_ffn
        options = (attentions, dim, self._ffn, inter, global_dim, given.remat)
        return self._add(f"{name}.{i}.{n}", SelfBlock, *options)

    def _cross_block(self, i, n, vectors):
        """Return a new block of cross-attention."""
        given = self.given
        *shape, dim = self._shape(given.horizon, i)
        attentions = [
            CuboidCrossAttention(
                dim=dim,
                shape=shape,
                context=given.context,
                **cuboid._asdict(),
                last_frames=given.dec_cross_last_n_frames,
                use_global=vectors is not None,
                global_dim=self._global_dim(i),
                separate_global_qkv=given.separate_global_qkv,
                **self._attention,
                name=f"attn_{j}",
                dtype=self.dtype,
            )
            for j, cuboid in enumerate(given.cuboids["dec_cross"][i])
        ]
        name = f"decoder.cross_blocks.{i - given.dec_cross_start}.{n}"
        inter = given.dec_use_inter_ffn
        options = (attentions, dim, self._ffn, inter, None, given.remat)
        return self._add(name, CrossBlock, *options)


def _both(block, x, vectors):
    """Apply a block to a map and, if there are any, to global vectors."""
    return block([x, vectors]) if vectors is not None else (block(x), None)
