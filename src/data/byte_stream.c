#include "data/byte_stream.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/memory.h"
#include "data/source_types.h"

enum { INPUT_BYTES = 1 << 16 };
/* zlib's inflate: a window of 2^15 bytes, +16: gzip only. */
enum { GZIP_WINDOW = 15 + 16 };
/* zlib counts output in unsigned int. */
static const int64_t OUTPUT_STEP = 1 << 30;
/* Deflate makes at most 258 bytes of 2 bits (zlib's technical notes, "maximum compression factor"). */
static const int64_t DEFLATE_RATIO_MAX = 1032;
static const int64_t GZIP_CLAIM_MAX = (int64_t)4 << 30;

struct gan_byte_stream {
  char *path;
  FILE *file;
  int64_t file_bytes;
  int64_t position; /* bytes handed out */
  bool gzip;
  bool inflating; /* zlib has state to be released */
  bool ended;     /* behind the last gzip member */
  z_stream inflater;
  uint8_t input[INPUT_BYTES];
};

static gan_status fail_damaged(const gan_byte_stream *stream, const char *how) {
  return gan_fail(GAN_BAD_FILE, "%s is damaged: %s after byte %" PRId64 " of its content", stream->path, how,
                  stream->position);
}

static gan_status start(gan_byte_stream *stream) {
  uint8_t magic[2];
  stream->file = fopen(stream->path, "rb");
  if (!stream->file) return gan_fail(GAN_BAD_FILE, "cannot open %s: %s", stream->path, strerror(errno));
  const size_t got = fread(magic, 1, sizeof magic, stream->file);
  if (ferror(stream->file)) return gan_fail(GAN_BAD_FILE, "cannot read %s: %s", stream->path, strerror(errno));
  rewind(stream->file);
  stream->gzip = got == 2 && magic[0] == 0x1f && magic[1] == 0x8b;
  if (!stream->gzip) return GAN_OK;
  stream->inflater.next_in = stream->input;
  if (inflateInit2(&stream->inflater, GZIP_WINDOW) != Z_OK)
    return gan_fail(GAN_FAILED, "out of memory for decompressing %s", stream->path);
  stream->inflating = true;
  return GAN_OK;
}

gan_status gan_byte_stream_open(const char *path, gan_byte_stream **stream) {
  int64_t bytes;
  *stream = NULL;
  GAN_TRY(gan_check_regular_file(path, &bytes));
  gan_byte_stream *opened = NULL;
  GAN_TRY(gan_allocate(1, sizeof *opened, "reading a file", &opened));
  opened->file_bytes = bytes;
  gan_status status = gan_duplicate(path, &opened->path);
  if (status == GAN_OK) status = start(opened);
  if (status != GAN_OK) {
    gan_byte_stream_close(opened);
    return status;
  }
  *stream = opened;
  return GAN_OK;
}

void gan_byte_stream_close(gan_byte_stream *stream) {
  if (!stream) return;
  if (stream->inflating) inflateEnd(&stream->inflater);
  if (stream->file) fclose(stream->file);
  free(stream->path);
  free(stream);
}

bool gan_byte_stream_compressed(const gan_byte_stream *stream) { return stream->gzip; }

static gan_status read_plain(gan_byte_stream *stream, int64_t bytes, void *out, int64_t *got) {
  *got = (int64_t)fread(out, 1, (size_t)bytes, stream->file);
  if (ferror(stream->file)) return gan_fail(GAN_BAD_FILE, "cannot read %s: %s", stream->path, strerror(errno));
  stream->position += *got;
  return GAN_OK;
}

/* More compressed bytes behind those that are left; none at the end of the file. */
static gan_status refill(gan_byte_stream *stream) {
  z_stream *inflater = &stream->inflater;
  memmove(stream->input, inflater->next_in, inflater->avail_in);
  const size_t free_bytes = INPUT_BYTES - inflater->avail_in;
  const size_t got = fread(stream->input + inflater->avail_in, 1, free_bytes, stream->file);
  if (ferror(stream->file)) return gan_fail(GAN_BAD_FILE, "cannot read %s: %s", stream->path, strerror(errno));
  inflater->next_in = stream->input;
  inflater->avail_in += (uInt)got;
  return GAN_OK;
}

/* Behind a gzip member: another one, the end of the file, or something that should not be there. */
static gan_status next_member(gan_byte_stream *stream) {
  z_stream *inflater = &stream->inflater;
  if (inflater->avail_in < 2) GAN_TRY(refill(stream));
  if (inflater->avail_in == 0) {
    stream->ended = true;
    return GAN_OK;
  }
  if (inflater->avail_in < 2 || inflater->next_in[0] != 0x1f || inflater->next_in[1] != 0x8b)
    return fail_damaged(stream, "something follows the compressed data");
  return inflateReset(inflater) == Z_OK ? GAN_OK : fail_damaged(stream, "it cannot be decompressed");
}

static gan_status read_gzip(gan_byte_stream *stream, int64_t bytes, void *out, int64_t *got) {
  z_stream *inflater = &stream->inflater;
  const int64_t begin = stream->position;
  while (stream->position - begin < bytes && !stream->ended) {
    const int64_t left = bytes - (stream->position - begin);
    const uInt room = (uInt)(left < OUTPUT_STEP ? left : OUTPUT_STEP);
    if (inflater->avail_in == 0) GAN_TRY(refill(stream));
    inflater->next_out = (uint8_t *)out + (stream->position - begin);
    inflater->avail_out = room;
    const bool starved = inflater->avail_in == 0;
    const int outcome = inflate(inflater, Z_NO_FLUSH);
    stream->position += room - inflater->avail_out;
    if (outcome == Z_STREAM_END)
      GAN_TRY(next_member(stream));
    else if (outcome == Z_MEM_ERROR)
      return gan_fail(GAN_FAILED, "out of memory for decompressing %s", stream->path);
    else if (outcome != Z_OK && outcome != Z_BUF_ERROR)
      return fail_damaged(stream, inflater->msg ? inflater->msg : "it cannot be decompressed");
    else if (starved && inflater->avail_out == room)
      return fail_damaged(stream, "the compressed data end early");
  }
  *got = stream->position - begin;
  return GAN_OK;
}

gan_status gan_byte_stream_read(gan_byte_stream *stream, int64_t bytes, void *out, int64_t *got) {
  *got = 0;
  return stream->gzip ? read_gzip(stream, bytes, out, got) : read_plain(stream, bytes, out, got);
}

gan_status gan_byte_stream_check_claim(const gan_byte_stream *stream, int64_t bytes) {
  if (stream->gzip && bytes > GZIP_CLAIM_MAX)
    return gan_fail(GAN_BAD_FILE,
                    "%s: its header announces %" PRId64
                    " bytes; a compressed file may hold at most 4 GiB, uncompress it",
                    stream->path, bytes);
  const int64_t most = stream->gzip ? stream->file_bytes * DEFLATE_RATIO_MAX : stream->file_bytes;
  if (bytes <= most) return GAN_OK;
  return gan_fail(GAN_BAD_FILE,
                  "%s: its header announces %" PRId64 " bytes, more than a file of %" PRId64 " bytes holds",
                  stream->path, bytes, stream->file_bytes);
}

gan_status gan_byte_stream_expect_end(gan_byte_stream *stream) {
  uint8_t byte;
  int64_t got;
  GAN_TRY(gan_byte_stream_read(stream, 1, &byte, &got));
  if (got == 0) return GAN_OK;
  return gan_fail(GAN_BAD_FILE, "%s goes on after the %" PRId64 " bytes that its header announces", stream->path,
                  stream->position - 1);
}
