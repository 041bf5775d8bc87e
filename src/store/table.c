/* See table.h. */
#include "store/table.h"

#include <limits.h>
#include <unistd.h>

#include "store/hdf5_tools.h"
#include "store/kind.h"
#include "store/output.h"

static bool put_column(hid_t file, const gan_table_column *column, hsize_t rows) {
  GAN_HDF5_ID space = H5Screate_simple(1, &rows, NULL);
  GAN_HDF5_ID creation = H5Pcreate(H5P_DATASET_CREATE);
  if (space < 0 || creation < 0 || H5Pset_obj_track_times(creation, false) < 0) return false;
  if (rows && (H5Pset_chunk(creation, 1, &rows) < 0 || H5Pset_fletcher32(creation) < 0)) return false;
  GAN_HDF5_ID data_set = H5Dcreate2(file, column->name, H5T_IEEE_F64LE, space, H5P_DEFAULT, creation, H5P_DEFAULT);
  if (data_set < 0 || !gan_hdf5_put_text(data_set, "units", column->units) ||
      !gan_hdf5_put_text(data_set, "description", column->description))
    return false;
  return rows == 0 || H5Dwrite(data_set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, column->values) >= 0;
}

static bool put_all(hid_t file, const gan_table *table) {
  if (!gan_hdf5_put_text(file, GAN_KIND_ATTRIBUTE, table->kind)) return false;
  for (size_t i = 0; i < table->text_count; i++)
    if (!gan_hdf5_put_text(file, table->texts[i].name, table->texts[i].value)) return false;
  for (size_t i = 0; i < table->column_count; i++)
    if (!put_column(file, &table->columns[i], table->rows)) return false;
  return true;
}

static gan_status write_partial(const char *partial, const char *path, const gan_table *table) {
  GAN_HDF5_QUIET;
  gan_hdf5_output output = {0};
  const hid_t file = gan_hdf5_create(partial, 0, false, &output);
  const bool written = file >= 0 && put_all(file, table);
  const bool closed = file < 0 || H5Fclose(file) >= 0;
  char reason[GAN_HDF5_REASON];
  if (output.error) return gan_fail_write(path, output.error);
  if (!written || !closed) return gan_fail(GAN_FAILED, "cannot write %s: %s", path, gan_hdf5_reason(reason));
  return gan_partial_sync(partial, path);
}

gan_status gan_table_write(const char *path, const gan_table *table) {
  char partial[PATH_MAX];
  GAN_TRY(gan_partial_path(path, partial));
  gan_status status = write_partial(partial, path, table);
  if (status == GAN_OK) status = gan_partial_commit(partial, path);
  if (status != GAN_OK) unlink(partial);
  return status;
}
