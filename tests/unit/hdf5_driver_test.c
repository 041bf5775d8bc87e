/* The HDF5 file driver (src/store/hdf5_driver.h). What it does with a full disk is tested where files are written. */
#include "store/hdf5_driver.h"

#include <hdf5.h>

#include "store_support.h"

/* HDF5 1.10 calls the driver's `close` after it has let go of the file's reference to the driver; when that is the last
   one, it calls through released memory. */
static void the_driver_stays_registered_when_no_file_uses_it(void **state) {
  (void)state;
  char path[PATH_MAX];
  gan_hdf5_output output = {0};
  const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  assert_true(gan_hdf5_set_output(access, &output) >= 0);
  const hid_t driver = H5Pget_driver(access);
  const hid_t file = H5Fcreate(in_folder("file.h5", path), H5F_ACC_TRUNC, H5P_DEFAULT, access);
  assert_true(file >= 0);
  assert_true(H5Pclose(access) >= 0);
  assert_true(H5Fclose(file) >= 0);
  assert_int_equal(H5Iget_type(driver), H5I_VFL);
  assert_int_equal(output.error, 0);
}

static void a_second_start_of_hdf5_registers_it_again(void **state) {
  (void)state;
  gan_hdf5_output output = {0};
  assert_true(H5close() >= 0);
  assert_true(H5open() >= 0);
  const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  assert_true(gan_hdf5_set_output(access, &output) >= 0);
  assert_true(H5Pclose(access) >= 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      FOLDER_TEST(the_driver_stays_registered_when_no_file_uses_it),
      FOLDER_TEST(a_second_start_of_hdf5_registers_it_again),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
