/* See unfolding.h. 16 neighbouring columns of one row are mostly a few runs of the image: a line, or every second
   element of one. So they are read as windows, spans of a register that hold one or more of the 16 elements, each with
   a permutation of the register: with AVX-512, two loads for a line with stride 2, one for a small plane. Where the
   windows lie depends on columns and tap but not on the channel, and is found once for all channels. */
#include "kernels/unfolding.h"

#include <string.h>

#include "kernels/environment.h"
#include "kernels/instructions.h"
#include "kernels/integers.h"

#if defined(__x86_64__) && defined(__GNUC__)

/* Floats of a register of AVX2. */
enum { HALF = GAN_LANES / 2 };

gan_unfolding gan_unfolding_of_input(const gan_convolution *sizes, int64_t samples) {
  const gan_window *window = &sizes->window;
  gan_unfolding from = {.samples = samples, .channels = sizes->in_channels, .plane = gan_positions(window->in)};
  for (int i = 0; i < GAN_AXES; i++) {
    from.in[i] = window->in[i];
    from.out[i] = window->out[i];
    from.taps[i] = window->kernel[i];
    from.stride[i] = window->stride[i];
    from.first[i] = -window->padding[i];
    from.step[i] = gan_dilation(window, i);
  }
  return from;
}

/* Where channels are a power of two apart, all fall on the same few lines of the cache. */
enum { ALIASING = 512, APART = 16 };

void gan_unfolding_of_copy(gan_precision precision, gan_unfolding *from) {
  if (precision == GAN_BFLOAT16) from->channels = pieces(from->channels, 2);
  if (from->plane % ALIASING == 0) from->plane += APART;
}

void gan_unfold_copy(gan_precision precision, const gan_unfolding *from, const float *x, int64_t samples,
                     int64_t channels, int64_t sample_size, float *copy) {
  const int64_t size = gan_positions(from->in);
  for (; samples > 0; samples--, x += sample_size, copy += from->channels * from->plane)
    if (precision == GAN_BFLOAT16)
      gan_tile_pair_channels(x, channels, size, from->plane, copy);
    else if (from->plane == size)
      memcpy(copy, x, (size_t)(channels * size) * sizeof *x);
    else
      for (int64_t channel = 0; channel < channels; channel++)
        memcpy(copy + channel * from->plane, x + channel * size, (size_t)size * sizeof *x);
}

/* A column: sample, and place along each axis. */
typedef struct column {
  int64_t sample, at[GAN_AXES];
} column;

static column find_column(const gan_unfolding *from, int64_t index) {
  const int64_t width = from->out[2], height = from->out[1];
  return (column){.sample = index / (width * height * from->out[0]),
                  .at = {index / (width * height) % from->out[0], index / width % height, index % width}};
}

static void next_line(const gan_unfolding *from, column *c) {
  c->at[2] = 0;
  if (++c->at[1] < from->out[1]) return;
  c->at[1] = 0;
  if (++c->at[0] < from->out[0]) return;
  c->at[0] = 0;
  c->sample++;
}

/* Adds `count` elements, `stride` apart from `offset` on, for the lanes from `lane` on: to the last window if they lie
   in it, otherwise to new ones, of `span` floats. */
static void add_run(gan_source *to, int64_t span, int64_t lane, int64_t count, int64_t offset, int64_t stride) {
  while (count > 0) {
    int w = to->windows - 1;
    if (w < 0 || offset < to->offset[w] || offset - to->offset[w] >= span) {
      w = to->windows++;
      to->offset[w] = offset;
      to->load[w] = to->lanes[w] = 0;
    }
    for (int64_t at = offset - to->offset[w]; count > 0 && at < span; at += stride) {
      to->load[w] |= (uint16_t)(1u << at);
      to->lanes[w] |= (uint16_t)(1u << lane);
      to->index[lane++] = (int32_t)at;
      offset += stride;
      count--;
    }
  }
}

/* Where the 16 columns from `at` on, of which `columns` are left in all, find their tap. */
static void find_source(const gan_unfolding *from, int64_t span, column at, int64_t columns, int64_t tap,
                        gan_source *found) {
  const int64_t t[GAN_AXES] = {tap / from->taps[2] / from->taps[1], tap / from->taps[2] % from->taps[1],
                               tap % from->taps[2]};
  int64_t distance[GAN_AXES];
  for (int i = 0; i < GAN_AXES; i++) distance[i] = from->first[i] + t[i] * from->step[i];
  const int64_t stride = from->stride[2], width = from->out[2];
  /* Places along a line that meet the image: begin <= i < end. */
  const int64_t begin = distance[2] < 0 ? (-distance[2] + stride - 1) / stride : 0;
  const int64_t room = from->in[2] - 1 - distance[2], end = room < 0 ? 0 : least(room / stride + 1, width);
  found->windows = 0;
  for (int64_t lane = 0, limit = least(GAN_LANES, columns); lane < limit; next_line(from, &at)) {
    const int64_t count = least(limit - lane, width - at.at[2]);
    const int64_t z = at.at[0] * from->stride[0] + distance[0], y = at.at[1] * from->stride[1] + distance[1];
    if (z >= 0 && z < from->in[0] && y >= 0 && y < from->in[1]) {
      const int64_t first = most(at.at[2], begin), last = least(at.at[2] + count, end);
      const int64_t line = at.sample * from->channels * from->plane + (z * from->in[1] + y) * from->in[2];
      if (first < last)
        add_run(found, span, lane + first - at.at[2], last - first, line + first * stride + distance[2], stride);
    }
    lane += count;
  }
}

/* One vector of the matrix's rows for one tap of some channels: `to` (channels), `step` floats apart. */
AVX512_INLINE void gather(const gan_source *from, int windows, const float *channel, int64_t plane, int64_t count,
                          float *to, int64_t step) {
  const __m512i index = _mm512_loadu_si512(from->index);
  for (; count > 0; count--, channel += plane, to += step) {
    __m512 elements = _mm512_setzero_ps();
    for (int w = 0; w < windows; w++) {
      const __m512 read = _mm512_maskz_loadu_ps(from->load[w], channel + from->offset[w]);
      elements = _mm512_mask_permutexvar_ps(elements, from->lanes[w], index, read);
    }
    _mm512_storeu_ps(to, elements);
  }
}

/* Channels that are gathered side by side: what a tap has to say is read once for all of them, and the lines of the
   image that their taps meet stay in the first cache. */
enum { SIDE_BY_SIDE = 8 };

/* One vector of the matrix's rows for each tap and channel: `to` (channel, tap), `step` floats apart. */
AVX512 static void gather_rows_avx512(const gan_source *sources, int64_t taps, const float *channel, int64_t plane,
                                      int64_t count, float *to, int64_t step) {
  for (; count > 0; count -= SIDE_BY_SIDE, channel += SIDE_BY_SIDE * plane, to += SIDE_BY_SIDE * taps * step) {
    const int64_t channels = least(count, SIDE_BY_SIDE);
    for (int64_t tap = 0; tap < taps; tap++) {
      const gan_source *from = &sources[tap];
      /* The numbers of windows that are met most, as constants. */
      if (from->windows == 1)
        gather(from, 1, channel, plane, channels, to + tap * step, taps * step);
      else if (from->windows == 2)
        gather(from, 2, channel, plane, channels, to + tap * step, taps * step);
      else
        gather(from, from->windows, channel, plane, channels, to + tap * step, taps * step);
    }
  }
}

/* What one window has of 8 elements, as masks: which floats are read, and which elements they are. */
typedef struct part {
  int64_t offset;
  __m256i load, lanes;
} part;

/* All bits of the i-th integer for bit i. */
AVX2_INLINE __m256i mask_of(unsigned bits) {
  const __m256i each = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
  return _mm256_cmpeq_epi32(_mm256_and_si256(_mm256_set1_epi32((int)bits), each), each);
}

/* parts of the windows that hold some of the 8 elements from `first` on; returns how many. */
AVX2_INLINE int find_parts(const gan_source *from, int first, part *parts) {
  int count = 0;
  for (int w = 0; w < from->windows; w++) {
    const unsigned lanes = (unsigned)from->lanes[w] >> first & 0xff;
    if (lanes) parts[count++] = (part){from->offset[w], mask_of(from->load[w]), mask_of(lanes)};
  }
  return count;
}

/* As gather, half a vector. */
AVX2_INLINE void gather_half(const part *parts, int count, __m256i index, const float *channel, int64_t plane,
                             int64_t channels, float *to, int64_t step) {
  for (; channels > 0; channels--, channel += plane, to += step) {
    __m256 elements = _mm256_setzero_ps();
    for (int i = 0; i < count; i++) {
      const __m256 read = _mm256_maskload_ps(channel + parts[i].offset, parts[i].load);
      const __m256 turned = _mm256_permutevar8x32_ps(read, index);
      elements = _mm256_blendv_ps(elements, turned, _mm256_castsi256_ps(parts[i].lanes));
    }
    _mm256_storeu_ps(to, elements);
  }
}

AVX2 static void gather_rows_avx2(const gan_source *sources, int64_t taps, const float *channel, int64_t plane,
                                  int64_t count, float *to, int64_t step) {
  for (; count > 0; count -= SIDE_BY_SIDE, channel += SIDE_BY_SIDE * plane, to += SIDE_BY_SIDE * taps * step) {
    const int64_t channels = least(count, SIDE_BY_SIDE);
    for (int64_t tap = 0; tap < taps; tap++)
      for (int first = 0; first < GAN_LANES; first += HALF) {
        part parts[GAN_LANES];
        const int windows = find_parts(&sources[tap], first, parts);
        const __m256i index = _mm256_loadu_si256((const __m256i *)(const void *)(sources[tap].index + first));
        float *half = to + tap * step + first;
        if (windows == 1)
          gather_half(parts, 1, index, channel, plane, channels, half, taps * step);
        else if (windows == 2)
          gather_half(parts, 2, index, channel, plane, channels, half, taps * step);
        else
          gather_half(parts, windows, index, channel, plane, channels, half, taps * step);
      }
  }
}

void gan_unfold_find(const gan_unfolding *from, int64_t first_column, int vectors, gan_source *sources) {
  const int64_t columns = gan_unfolding_columns(from), taps = gan_positions(from->taps);
  const int64_t span = gan_cpu() == GAN_CPU_AVX512 ? GAN_LANES : HALF;
  for (int v = 0; v < vectors; v++) {
    const int64_t begin = first_column + v * GAN_LANES;
    const column at = find_column(from, begin);
    for (int64_t tap = 0; tap < taps; tap++) find_source(from, span, at, columns - begin, tap, sources++);
  }
}

void gan_unfold(const gan_unfolding *from, const gan_source *sources, const float *image, int64_t first_channel,
                int64_t channel_count, int vectors, float *panel) {
  const int64_t taps = gan_positions(from->taps), width = vectors * GAN_LANES;
  const bool avx512 = gan_cpu() == GAN_CPU_AVX512;
  image += first_channel * from->plane;
  for (int v = 0; v < vectors; v++, sources += taps)
    (avx512 ? gather_rows_avx512 : gather_rows_avx2)(sources, taps, image, from->plane, channel_count,
                                                     panel + v * GAN_LANES, width);
}
#endif
