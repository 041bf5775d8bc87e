/* Reading a benchmark's table back. The file may be anybody's: numbers of things are bounded, sizes compared with the
   file's before memory is asked for. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "store/hdf5_tools.h"
#include "store/kind.h"
#include "store/table.h"

/* What is read, in arrays of full length. */
typedef struct table_reader {
  const char *path;
  uint64_t file_bytes;
  gan_table *table;
  gan_table_text *texts;
  gan_table_column *columns;
  gan_status status;
} table_reader;

/* A text attribute as a copy of the caller's own. */
static gan_status read_text(const table_reader *reader, hid_t object, const char *name, const char **copy) {
  char *text = NULL, *own = NULL;
  if (!gan_hdf5_get_text(object, name, &text))
    return gan_fail(GAN_BAD_FILE, "%s is no table of this program: its attribute %.80s is absent or no text",
                    reader->path, name);
  const gan_status status = gan_duplicate(text, &own);
  H5free_memory(text);
  *copy = own;
  return status;
}

static gan_status add_text(table_reader *reader, hid_t file, const char *name) {
  gan_table_text *text = &reader->texts[reader->table->text_count];
  char *own = NULL;
  if (strcmp(name, GAN_KIND_ATTRIBUTE) == 0) return GAN_OK;
  if (reader->table->text_count == GAN_TABLE_TEXTS_MOST)
    return gan_fail(GAN_BAD_FILE, "%s is no table of this program: it has too many attributes", reader->path);
  reader->table->text_count++;
  GAN_TRY(gan_duplicate(name, &own));
  text->name = own;
  return read_text(reader, file, name, &text->value);
}

static gan_status read_values(const table_reader *reader, hid_t data_set, gan_table_column *column) {
  hsize_t rows = 0;
  double *values = NULL;
  GAN_HDF5_ID space = H5Dget_space(data_set);
  GAN_HDF5_ID type = H5Dget_type(data_set);
  if (space < 0 || type < 0 || H5Sget_simple_extent_ndims(space) != 1 || H5Tequal(type, H5T_IEEE_F64LE) <= 0 ||
      H5Sget_simple_extent_dims(space, &rows, NULL) != 1 || rows > reader->file_bytes / sizeof(double))
    return gan_fail(GAN_BAD_FILE, "%s is no table of this program: /%.80s is no column of 64-bit floats", reader->path,
                    column->name);
  if (reader->table->column_count == 1) reader->table->rows = rows;
  if (rows != reader->table->rows)
    return gan_fail(GAN_BAD_FILE, "%s is no table of this program: /%.80s is not as long as the columns before",
                    reader->path, column->name);
  GAN_TRY(gan_allocate((size_t)rows, sizeof *values, "a column of a table", &values));
  column->values = values;
  if (rows == 0 || H5Dread(data_set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0) return GAN_OK;
  char reason[GAN_HDF5_REASON];
  return gan_fail(GAN_BAD_FILE, "%s: cannot read /%.80s: %s", reader->path, column->name, gan_hdf5_reason(reason));
}

static gan_status add_column(table_reader *reader, hid_t file, const char *name) {
  gan_table_column *column = &reader->columns[reader->table->column_count];
  char *own = NULL;
  GAN_HDF5_ID data_set = gan_hdf5_open_array(file, name);
  if (data_set < 0 || reader->table->column_count == GAN_TABLE_COLUMNS_MOST)
    return gan_fail(GAN_BAD_FILE, "%s is no table of this program: /%.80s is no column of it", reader->path, name);
  reader->table->column_count++;
  GAN_TRY(gan_duplicate(name, &own));
  column->name = own;
  GAN_TRY(read_text(reader, data_set, "units", &column->units));
  GAN_TRY(read_text(reader, data_set, "description", &column->description));
  return read_values(reader, data_set, column);
}

/* What HDF5 calls for every attribute, and every link, of the root. */
static herr_t visit_attribute(hid_t file, const char *name, const H5A_info_t *about, void *context) {
  table_reader *reader = context;
  (void)about;
  reader->status = add_text(reader, file, name);
  return reader->status == GAN_OK ? 0 : -1;
}

static herr_t visit_link(hid_t file, const char *name, const H5L_info_t *about, void *context) {
  table_reader *reader = context;
  (void)about;
  reader->status = add_column(reader, file, name);
  return reader->status == GAN_OK ? 0 : -1;
}

static gan_status read_all(table_reader *reader, hid_t file) {
  char reason[GAN_HDF5_REASON];
  struct stat about;
  if (stat(reader->path, &about) == 0) reader->file_bytes = (uint64_t)about.st_size;
  GAN_TRY(read_text(reader, file, GAN_KIND_ATTRIBUTE, &reader->table->kind));
  GAN_TRY(gan_allocate(GAN_TABLE_TEXTS_MOST, sizeof *reader->texts, "a table", &reader->texts));
  reader->table->texts = reader->texts;
  GAN_TRY(gan_allocate(GAN_TABLE_COLUMNS_MOST, sizeof *reader->columns, "a table", &reader->columns));
  reader->table->columns = reader->columns;
  /* H5_ITER_NATIVE: damage met while it makes an ordered table crashes HDF5. */
  if (H5Aiterate2(file, H5_INDEX_NAME, H5_ITER_INC, NULL, visit_attribute, reader) >= 0 &&
      H5Literate(file, H5_INDEX_CRT_ORDER, H5_ITER_NATIVE, NULL, visit_link, reader) >= 0)
    return GAN_OK;
  if (reader->status != GAN_OK) return reader->status;
  return gan_fail(GAN_BAD_FILE, "cannot list the columns of %s: %s", reader->path, gan_hdf5_reason(reason));
}

gan_status gan_table_read(const char *path, gan_table *table) {
  GAN_HDF5_QUIET;
  char reason[GAN_HDF5_REASON];
  table_reader reader = {.path = path, .table = table, .status = GAN_OK};
  *table = (gan_table){0};
  GAN_HDF5_ID file = gan_hdf5_open(path, false);
  if (file < 0) return gan_fail(GAN_BAD_FILE, "cannot read %s: %s", path, gan_hdf5_reason(reason));
  const gan_status status = read_all(&reader, file);
  if (status != GAN_OK) gan_table_release(table);
  return status;
}

void gan_table_release(gan_table *table) {
  for (size_t i = 0; i < table->text_count; i++) {
    free((void *)table->texts[i].name);
    free((void *)table->texts[i].value);
  }
  for (size_t i = 0; i < table->column_count; i++) {
    free((void *)table->columns[i].name);
    free((void *)table->columns[i].units);
    free((void *)table->columns[i].description);
    free((void *)table->columns[i].values);
  }
  free((void *)table->kind);
  free((void *)table->texts);
  free((void *)table->columns);
  *table = (gan_table){0};
}
