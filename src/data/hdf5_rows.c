#include "data/hdf5_rows.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "base/quote.h"
#include "data/hdf5_filters.h"

/* A chunk is read and decoded as a whole. */
static const int64_t CHUNK_BYTES_MAX = (int64_t)256 << 20;
/* Decoded chunks that are kept. */
static const int64_t CACHE_BYTES = (int64_t)64 << 20;
static const int64_t CACHE_SIZE_MAX = 1 << 16;
/* A row in more pieces than this would take for ever to put together. */
static const int64_t CHUNKS_PER_ROW_MAX = 4096;
/* The best that deflate can do; a data set that claims more has not been written in full. */
static const int64_t COMPRESSION_MAX = 1032;
static const unsigned SHUFFLE_BYTES_MAX = 64;

/* Keeps the description of the innermost error, the first of an upward walk. */
static herr_t note_cause(unsigned depth, const H5E_error2_t *error, void *context) {
  if (depth == 0 && error->desc) snprintf(context, 256, "%s", error->desc);
  return 0;
}

gan_status gan_hdf5_fail(const char *path, const char *action, const char *name) {
  char cause[256] = "no cause given";
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, note_cause, cause);
  return gan_fail(GAN_BAD_FILE, "%s: cannot %s %s: %s", path, action, name, cause);
}

/* Numbers in the file's order of dimensions -> five, and back. */
static void spread(const hsize_t *in_file, int rank, int64_t out[GAN_HDF5_DIMENSIONS]) {
  for (int i = 0; i < GAN_HDF5_DIMENSIONS; i++) out[i] = 1;
  for (int i = 1; i < rank; i++) out[GAN_HDF5_DIMENSIONS - rank + i] = (int64_t)in_file[i];
  out[0] = (int64_t)in_file[0];
}

static void gather(const int64_t in[GAN_HDF5_DIMENSIONS], int rank, hsize_t *in_file) {
  for (int i = 1; i < rank; i++) in_file[i] = (hsize_t)in[GAN_HDF5_DIMENSIONS - rank + i];
  in_file[0] = (hsize_t)in[0];
}

/* Chunks along each dimension. */
static int64_t chunks_along(const gan_hdf5_rows *rows, int dimension) {
  return (rows->size[dimension] - 1) / rows->chunk_size[dimension] + 1;
}

static gan_status check_shape(gan_hdf5_rows *rows) {
  hsize_t extent[H5S_MAX_RANK] = {0};
  rows->rank = H5Sget_simple_extent_dims(rows->space, extent, NULL);
  if (rows->rank < 1 || rows->rank > GAN_HDF5_DIMENSIONS)
    return gan_fail(GAN_BAD_FILE,
                    "%s: data set %s has %d dimensions; samples have 2 to 5, as (N, D) to (N, C, D, H, W), labels and "
                    "weights one number for each sample",
                    rows->path, rows->name, rows->rank < 0 ? 0 : rows->rank);
  int64_t bytes = rows->element_bytes;
  for (int i = 0; i < rows->rank; i++) {
    if (extent[i] == 0)
      return gan_fail(GAN_BAD_FILE, "%s: data set %s is empty: dimension %d is 0", rows->path, rows->name, i);
    if (extent[i] > INT64_MAX || __builtin_mul_overflow(bytes, (int64_t)extent[i], &bytes))
      return gan_fail(GAN_BAD_FILE, "%s: data set %s announces more bytes than any file holds", rows->path, rows->name);
  }
  spread(extent, rows->rank, rows->size);
  rows->row_elements = 1;
  for (int i = 1; i < GAN_HDF5_DIMENSIONS; i++) rows->row_elements *= rows->size[i];
  return GAN_OK;
}

/* Refuses a data set for its layout, and says what puts it into one piece, whatever it was before. h5repack takes a
   comma for the end of a name; without a name it does so with all data sets. */
static gan_status refuse_layout(const gan_hdf5_rows *rows, const char *reason) {
  char layout[GAN_HDF5_NAME + 8], quoted[GAN_QUOTED];
  const bool named = strchr(rows->name, ',') == NULL;
  snprintf(layout, sizeof layout, "%s%sCONTI", named ? rows->name : "", named ? ":" : "");
  return gan_fail(GAN_BAD_FILE, "%s: data set %s %s; copy it into a file as one piece: h5repack -l %s OLD.h5 NEW.h5",
                  rows->path, rows->name, reason, gan_quote(layout, sizeof quoted, quoted));
}

static gan_status check_chunks(gan_hdf5_rows *rows, hid_t creation) {
  hsize_t chunk[H5S_MAX_RANK];
  unsigned options = 0;
  char reason[96];
  if (H5Pget_chunk(creation, H5S_MAX_RANK, chunk) != rows->rank || H5Pget_chunk_opts(creation, &options) < 0)
    return gan_hdf5_fail(rows->path, "read the layout of", rows->name);
  rows->chunk_bytes = rows->element_bytes;
  snprintf(reason, sizeof reason, "has chunks of more than %" PRId64 " MiB", CHUNK_BYTES_MAX >> 20);
  for (int i = 0; i < rows->rank; i++)
    if (chunk[i] == 0 || chunk[i] > (hsize_t)CHUNK_BYTES_MAX ||
        (rows->chunk_bytes *= (int64_t)chunk[i]) > CHUNK_BYTES_MAX)
      return refuse_layout(rows, reason);
  spread(chunk, rows->rank, rows->chunk_size);
  int64_t pieces = 1; /* no overflow: at most the elements of a row */
  for (int i = 1; i < GAN_HDF5_DIMENSIONS; i++) pieces *= chunks_along(rows, i);
  snprintf(reason, sizeof reason, "has each sample cut into %" PRId64 " chunks", pieces);
  if (pieces > CHUNKS_PER_ROW_MAX) return refuse_layout(rows, reason);
  return options == 0 ? GAN_OK : refuse_layout(rows, "treats its last chunks otherwise than the others");
}

/* Those from 256 on are plugins: without one, h5repack leaves the data set out; h5py has that of lzf. */
static gan_status refuse_filter(const gan_hdf5_rows *rows, H5Z_filter_t id, const char *filter) {
  if (id < H5Z_FILTER_RESERVED)
    return gan_fail(GAN_BAD_FILE,
                    "%s: data set %s is stored with filter %d (%s), which cannot be read; rewrite it: h5repack -f "
                    "GZIP=4 OLD.h5 NEW.h5",
                    rows->path, rows->name, (int)id, filter);
  return gan_fail(GAN_BAD_FILE,
                  "%s: data set %s is stored with filter %d (%s), which cannot be read; copy the file without filters "
                  "by h5py, which knows lzf, and others after \"import hdf5plugin\": python3 -c 'import h5py; "
                  "o, n = h5py.File(\"OLD.h5\"), h5py.File(\"NEW.h5\", \"w\"); n.attrs.update(o.attrs); "
                  "o.visititems(lambda k, x: (n.create_dataset(k, data=x[()], dtype=x.dtype) if hasattr(x, \"shape\") "
                  "else n.require_group(k)).attrs.update(x.attrs))'",
                  rows->path, rows->name, (int)id, filter);
}

static gan_status check_filters(gan_hdf5_rows *rows, hid_t creation) {
  const int count = H5Pget_nfilters(creation);
  if (count < 0) return gan_hdf5_fail(rows->path, "read the filters of", rows->name);
  if (count > GAN_HDF5_FILTERS)
    return gan_fail(GAN_BAD_FILE, "%s: data set %s has %d filters, which is more than can be undone", rows->path,
                    rows->name, count);
  for (int i = 0; i < count; i++) {
    unsigned flags, parameters[1] = {0};
    size_t parameter_count = 1;
    char name[64] = "";
    const H5Z_filter_t id =
        H5Pget_filter2(creation, (unsigned)i, &flags, &parameter_count, parameters, sizeof name, name, NULL);
    if (id < 0) return gan_hdf5_fail(rows->path, "read the filters of", rows->name);
    const bool shuffle = id == H5Z_FILTER_SHUFFLE;
    if ((!shuffle && id != H5Z_FILTER_DEFLATE && id != H5Z_FILTER_FLETCHER32) ||
        (shuffle && (parameters[0] < 1 || parameters[0] > SHUFFLE_BYTES_MAX)))
      return refuse_filter(rows, id, name);
    rows->filters[rows->filter_count++] = (gan_hdf5_filter){id, parameters[0]};
  }
  return GAN_OK;
}

/* All of the data have to be in this file: in full if not compressed, else at least as much as deflate needs. */
static gan_status check_storage(const gan_hdf5_rows *rows) {
  const int64_t bytes = rows->size[0] * rows->row_elements * rows->element_bytes;
  const hsize_t stored = H5Dget_storage_size(rows->dataset);
  if (stored > 0 && stored >= (hsize_t)(rows->filter_count > 0 ? bytes / COMPRESSION_MAX : bytes)) return GAN_OK;
  return gan_fail(GAN_BAD_FILE,
                  "%s: data set %s announces %" PRId64 " bytes, but only %" PRIu64
                  " are stored: it was not written in "
                  "full, or is damaged",
                  rows->path, rows->name, bytes, (uint64_t)stored);
}

static gan_status check_layout(gan_hdf5_rows *rows, hid_t creation) {
  const H5D_layout_t layout = H5Pget_layout(creation);
  if (layout == H5D_VIRTUAL || H5Pget_external_count(creation) > 0)
    return refuse_layout(rows, "has its data in other files");
  if (layout != H5D_CHUNKED && layout != H5D_CONTIGUOUS && layout != H5D_COMPACT)
    return gan_hdf5_fail(rows->path, "read the layout of", rows->name);
  if (layout == H5D_CHUNKED) {
    GAN_TRY(check_chunks(rows, creation));
    GAN_TRY(check_filters(rows, creation));
  }
  return check_storage(rows);
}

static gan_status prepare_decoding(gan_hdf5_rows *rows) {
  int64_t chunks = 1; /* no overflow: at most the number of elements */
  for (int i = 0; i < GAN_HDF5_DIMENSIONS; i++) chunks *= chunks_along(rows, i);
  rows->cache_size = CACHE_BYTES / rows->chunk_bytes;
  if (rows->cache_size > CACHE_SIZE_MAX) rows->cache_size = CACHE_SIZE_MAX;
  if (rows->cache_size > chunks) rows->cache_size = chunks;
  if (rows->cache_size < 1) rows->cache_size = 1;
  rows->work_bytes = gan_hdf5_stored_bytes_max(rows->chunk_bytes);
  GAN_TRY(gan_allocate((size_t)rows->cache_size, sizeof *rows->cache, "decoded chunks", &rows->cache));
  GAN_TRY(gan_allocate((size_t)rows->work_bytes, 1, "decoding chunks", &rows->work[0]));
  return gan_allocate((size_t)rows->work_bytes, 1, "decoding chunks", &rows->work[1]);
}

/* How long the file is that HDF5 has open, and by which descriptor. */
static gan_status note_file(gan_hdf5_rows *rows) {
  const hid_t file = H5Iget_file_id(rows->dataset);
  void *descriptor = NULL;
  hsize_t bytes = 0;
  const bool known = file >= 0 && H5Fget_filesize(file, &bytes) >= 0 &&
                     H5Fget_vfd_handle(file, H5P_DEFAULT, &descriptor) >= 0 && descriptor && bytes <= INT64_MAX;
  const gan_status status = known ? GAN_OK : gan_hdf5_fail(rows->path, "read the size of the file of", rows->name);
  if (known) rows->descriptor = *(const int *)descriptor;
  rows->file_bytes = (int64_t)bytes;
  if (file >= 0) H5Fclose(file);
  return status;
}

static gan_status check_class(const gan_hdf5_rows *rows) {
  static const struct {
    H5T_class_t class;
    const char *what; /* holds such, and what to do */
  } others[] = {
      {H5T_ENUM, "truth values or another enumeration: store numbers, in Python .astype(\"u1\")"},
      {H5T_BITFIELD, "bits: store numbers, in Python .astype(\"u1\")"},
      {H5T_COMPOUND, "records: store the field that is meant as a data set of its own"},
      {H5T_STRING, "texts: store numbers"},
      {H5T_VLEN, "lists of any length: store all of one length"},
      {H5T_ARRAY, "arrays as elements: store their numbers, with dimensions of the data set instead"},
  };
  const H5T_class_t class = H5Tget_class(rows->type);
  const bool number = class == H5T_INTEGER || class == H5T_FLOAT;
  if (number && rows->element_bytes >= 1 && rows->element_bytes <= 8) return GAN_OK;
  for (size_t i = 0; i < sizeof others / sizeof *others; i++)
    if (class == others[i].class)
      return gan_fail(GAN_BAD_FILE, "%s: data set %s holds %s", rows->path, rows->name, others[i].what);
  return gan_fail(GAN_BAD_FILE, "%s: data set %s holds neither integers nor floating point numbers of up to 8 bytes",
                  rows->path, rows->name);
}

static gan_status open_rows(hid_t file, gan_hdf5_rows *rows) {
  /* No chunk cache of HDF5's: what is compressed is cached here, and of the rest whole chunks would be read for
     nothing, and trusted to have the size they announce. */
  const hid_t access = H5Pcreate(H5P_DATASET_ACCESS);
  H5Pset_chunk_cache(access, 0, 0, H5D_CHUNK_CACHE_W0_DEFAULT);
  rows->dataset = H5Dopen2(file, rows->name, access);
  const gan_status opened = rows->dataset < 0 ? gan_hdf5_fail(rows->path, "open data set", rows->name) : GAN_OK;
  H5Pclose(access);
  GAN_TRY(opened);
  GAN_TRY(note_file(rows));
  rows->type = H5Dget_type(rows->dataset);
  rows->space = H5Dget_space(rows->dataset);
  if (rows->type < 0 || rows->space < 0) return gan_hdf5_fail(rows->path, "read the shape of", rows->name);
  rows->element_bytes = (int64_t)H5Tget_size(rows->type);
  GAN_TRY(check_class(rows));
  GAN_TRY(check_shape(rows));
  const hid_t creation = H5Dget_create_plist(rows->dataset);
  if (creation < 0) return gan_hdf5_fail(rows->path, "read the layout of", rows->name);
  const gan_status status = check_layout(rows, creation);
  H5Pclose(creation);
  return status != GAN_OK || rows->filter_count == 0 ? status : prepare_decoding(rows);
}

gan_status gan_hdf5_rows_open(hid_t file, const char *path, const char *name, gan_hdf5_rows *rows) {
  *rows = (gan_hdf5_rows){.path = path};
  if (strlen(name) >= sizeof rows->name)
    return gan_fail(GAN_BAD_USAGE, "data.dataset: names have to be shorter than %d bytes", GAN_HDF5_NAME);
  memcpy(rows->name, name, strlen(name) + 1);
  const gan_status status = open_rows(file, rows);
  if (status != GAN_OK) gan_hdf5_rows_close(rows);
  return status;
}

void gan_hdf5_rows_close(gan_hdf5_rows *rows) {
  if (rows->space > 0) H5Sclose(rows->space);
  if (rows->type > 0) H5Tclose(rows->type);
  if (rows->dataset > 0) H5Dclose(rows->dataset);
  for (int64_t i = 0; rows->cache && i < rows->cache_size; i++) free(rows->cache[i].bytes);
  free(rows->cache);
  free(rows->work[0]);
  free(rows->work[1]);
  *rows = (gan_hdf5_rows){.path = NULL};
}

/* Reads the chunk that starts at element `begin` into a cache place that is free for it. */
static gan_status decode_chunk(gan_hdf5_rows *rows, const int64_t begin[GAN_HDF5_DIMENSIONS], gan_hdf5_chunk *place) {
  hsize_t offset[GAN_HDF5_DIMENSIONS], stored = 0;
  uint32_t skipped = 0;
  uint8_t *decoded;
  const char *cause;
  gather(begin, rows->rank, offset);
  if (H5Dget_chunk_storage_size(rows->dataset, offset, &stored) < 0)
    return gan_hdf5_fail(rows->path, "read", rows->name);
  if (stored == 0 || stored > (hsize_t)rows->work_bytes)
    return gan_fail(GAN_BAD_FILE, "%s: data set %s is damaged: a chunk is stored in %" PRIu64 " bytes", rows->path,
                    rows->name, (uint64_t)stored);
  if (H5Dread_chunk(rows->dataset, H5P_DEFAULT, offset, &skipped, rows->work[0]) < 0)
    return gan_hdf5_fail(rows->path, "read", rows->name);
  if (!gan_hdf5_decode(rows, (int64_t)stored, skipped, &decoded, &cause))
    return gan_fail(GAN_BAD_FILE, "%s: data set %s is damaged: %s", rows->path, rows->name, cause);
  if (!place->bytes) GAN_TRY(gan_allocate((size_t)rows->chunk_bytes, 1, "a decoded chunk", &place->bytes));
  memcpy(place->bytes, decoded, (size_t)rows->chunk_bytes);
  return GAN_OK;
}

/* The decoded chunk at these places of the grid of chunks. Valid until the next call. */
static gan_status get_chunk(gan_hdf5_rows *rows, const int64_t grid[GAN_HDF5_DIMENSIONS], const uint8_t **bytes) {
  int64_t begin[GAN_HDF5_DIMENSIONS], number = 0;
  for (int i = 0; i < GAN_HDF5_DIMENSIONS; i++) {
    begin[i] = grid[i] * rows->chunk_size[i];
    number = number * chunks_along(rows, i) + grid[i];
  }
  gan_hdf5_chunk *place = &rows->cache[number % rows->cache_size];
  if (place->number != number + 1) {
    place->number = 0;
    GAN_TRY(decode_chunk(rows, begin, place));
    place->number = number + 1;
  }
  *bytes = place->bytes;
  return GAN_OK;
}

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

enum { LAST = GAN_HDF5_DIMENSIONS - 1 };

/* The next place of the box [begin, end) over dimensions first .. last, the last one fastest; false behind the end. */
static bool next_place(int first, int last, const int64_t *begin, const int64_t *end, int64_t *place) {
  for (int i = last; i >= first; i--) {
    if (++place[i] < end[i]) return true;
    place[i] = begin[i];
  }
  return false;
}

/* Copies what a chunk holds of rows first .. first+count-1, of which it has some, to where it belongs in `out`,
   (count, ...). */
static void copy_from_chunk(const gan_hdf5_rows *rows, const int64_t grid[GAN_HDF5_DIMENSIONS], const uint8_t *chunk,
                            int64_t first, int64_t count, uint8_t *out) {
  const int64_t *size = rows->size, *chunk_size = rows->chunk_size;
  int64_t corner[GAN_HDF5_DIMENSIONS], begin[GAN_HDF5_DIMENSIONS], end[GAN_HDF5_DIMENSIONS]; /* in the data set */
  for (int i = 0; i < GAN_HDF5_DIMENSIONS; i++) {
    begin[i] = corner[i] = grid[i] * chunk_size[i];
    end[i] = smaller(begin[i] + chunk_size[i], size[i]);
  }
  if (begin[0] < first) begin[0] = first;
  end[0] = smaller(end[0], first + count);
  const size_t run = (size_t)((end[LAST] - begin[LAST]) * rows->element_bytes);
  int64_t place[GAN_HDF5_DIMENSIONS];
  memcpy(place, begin, sizeof place);
  do {
    int64_t to = place[0] - first, from = place[0] - corner[0];
    for (int i = 1; i <= LAST; i++) {
      to = to * size[i] + place[i];
      from = from * chunk_size[i] + place[i] - corner[i];
    }
    memcpy(out + to * rows->element_bytes, chunk + from * rows->element_bytes, run);
  } while (next_place(0, LAST - 1, begin, end, place));
}

static gan_status read_decoded(gan_hdf5_rows *rows, int64_t first, int64_t count, uint8_t *out) {
  int64_t begin[GAN_HDF5_DIMENSIONS] = {first / rows->chunk_size[0]}, end[GAN_HDF5_DIMENSIONS];
  int64_t grid[GAN_HDF5_DIMENSIONS];
  end[0] = (first + count - 1) / rows->chunk_size[0] + 1;
  for (int i = 1; i < GAN_HDF5_DIMENSIONS; i++) end[i] = chunks_along(rows, i);
  memcpy(grid, begin, sizeof grid);
  do {
    const uint8_t *chunk;
    GAN_TRY(get_chunk(rows, grid, &chunk));
    copy_from_chunk(rows, grid, chunk, first, count, out);
  } while (next_place(0, LAST, begin, end, grid));
  return GAN_OK;
}

static gan_status read_plain(gan_hdf5_rows *rows, int64_t first, int64_t count, void *out) {
  const int64_t begin[GAN_HDF5_DIMENSIONS] = {first};
  int64_t length[GAN_HDF5_DIMENSIONS];
  memcpy(length, rows->size, sizeof length);
  length[0] = count;
  hsize_t start[GAN_HDF5_DIMENSIONS], extent[GAN_HDF5_DIMENSIONS];
  gather(begin, rows->rank, start);
  gather(length, rows->rank, extent);
  const hsize_t flat = (hsize_t)(count * rows->row_elements);
  const hid_t memory = H5Screate_simple(1, &flat, NULL);
  gan_status status = GAN_OK;
  if (H5Sselect_hyperslab(rows->space, H5S_SELECT_SET, start, NULL, extent, NULL) < 0 ||
      H5Dread(rows->dataset, rows->type, memory, rows->space, H5P_DEFAULT, out) < 0)
    status = gan_hdf5_fail(rows->path, "read", rows->name);
  H5Sclose(memory);
  return status;
}

static gan_status check_length(const gan_hdf5_rows *rows) {
  struct stat about;
  if (fstat(rows->descriptor, &about) != 0)
    return gan_fail(GAN_BAD_FILE, "cannot read %s: %s", rows->path, strerror(errno));
  if (about.st_size >= rows->file_bytes) return GAN_OK;
  return gan_fail(GAN_BAD_FILE, "%s became shorter while it was read: it had %" PRId64 " bytes and has %" PRId64 " now",
                  rows->path, rows->file_bytes, (int64_t)about.st_size);
}

gan_status gan_hdf5_rows_read(gan_hdf5_rows *rows, int64_t first, int64_t count, hid_t memory_type, void *out) {
  const gan_status status =
      rows->filter_count > 0 ? read_decoded(rows, first, count, out) : read_plain(rows, first, count, out);
  /* Behind the reading, and before its own error, of which it is the cause. */
  GAN_TRY(check_length(rows));
  GAN_TRY(status);
  if (H5Tconvert(rows->type, memory_type, (size_t)(count * rows->row_elements), out, NULL, H5P_DEFAULT) < 0)
    return gan_hdf5_fail(rows->path, "convert", rows->name);
  return GAN_OK;
}
