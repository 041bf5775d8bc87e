/* See hdf5_driver.h. The callbacks are those of HDF5's virtual file layer (H5FDpublic.h). */
#include "store/hdf5_driver.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "store/output.h"

typedef struct driver_file {
  H5FD_t base;             /* HDF5's part comes first */
  gan_hdf5_output *output; /* NULL: it is only read */
  int descriptor;
  haddr_t allocated; /* end of what HDF5 has given out */
  haddr_t size;      /* end of the file, writes that were not done included */
  dev_t device;
  ino_t inode;
} driver_file;

/* What the access properties carry to driver_open. */
typedef struct driver_properties {
  gan_hdf5_output *output;
} driver_properties;

static void note_error(gan_hdf5_output *output, int error) {
  if (output && !output->error) output->error = error;
}

/* To HDF5's own account of what went wrong; in the form in which its drivers quote the system. */
static void tell_hdf5(hid_t kind, const char *what, const char *reason) {
  H5Epush2(H5E_DEFAULT, __FILE__, __func__, __LINE__, H5E_ERR_CLS, H5E_IO, kind, "%s, error message = '%s'", what,
           reason);
}

/* Only regular files are read or written: a pipe would keep its reader waiting for a writer, even while it is opened.
 */
static int open_regular(const char *name, int mode) {
  struct stat about;
  const int descriptor = open(name, mode, 0666);
  if (descriptor < 0 || (fstat(descriptor, &about) == 0 && S_ISREG(about.st_mode))) return descriptor;
  close(descriptor);
  errno = S_ISDIR(about.st_mode) ? EISDIR : EINVAL;
  return -1;
}

/* HDF5 first tries to open a file that it is to create without O_CREAT, so that one already missing is no error yet. */
static int open_descriptor(const char *name, unsigned flags, gan_hdf5_output *output) {
  int mode = O_CLOEXEC | O_NONBLOCK | (flags & H5F_ACC_RDWR ? O_RDWR : O_RDONLY);
  if (flags & H5F_ACC_TRUNC) mode |= O_TRUNC;
  if (flags & H5F_ACC_CREAT) mode |= O_CREAT;
  if (flags & H5F_ACC_EXCL) mode |= O_EXCL;
  const int descriptor = open_regular(name, mode);
  if (descriptor < 0 && !output) tell_hdf5(H5E_CANTOPENFILE, "cannot open the file", strerror(errno));
  if (descriptor < 0 && (errno != ENOENT || flags & H5F_ACC_CREAT)) note_error(output, errno);
  return descriptor;
}

/* 0 or an errno. What a reader lacks is an error of HDF5's opening, not one of this program's allocations. */
static int make_file(gan_hdf5_output *output, driver_file **file) {
  if (!output) return (*file = calloc(1, sizeof **file)) ? 0 : ENOMEM;
  return gan_allocate(1, sizeof **file, "an open file", file) == GAN_OK ? 0 : ENOMEM;
}

static H5FD_t *driver_open(const char *name, unsigned flags, hid_t access, haddr_t maximum) {
  (void)maximum;
  const driver_properties *properties = H5Pget_driver_info(access);
  struct stat about;
  driver_file *file = NULL;
  if (!properties) return NULL;
  const int descriptor = open_descriptor(name, flags, properties->output);
  if (descriptor < 0) return NULL;
  const int error = fstat(descriptor, &about) != 0 ? errno : make_file(properties->output, &file);
  if (error) note_error(properties->output, error);
  if (!file) {
    close(descriptor);
    return NULL;
  }
  file->output = properties->output;
  file->descriptor = descriptor;
  file->size = (haddr_t)about.st_size;
  file->device = about.st_dev;
  file->inode = about.st_ino;
  return &file->base;
}

static herr_t driver_close(H5FD_t *base) {
  driver_file *file = (driver_file *)base;
  if (close(file->descriptor) != 0) note_error(file->output, errno);
  free(file);
  return 0;
}

static int driver_compare(const H5FD_t *left, const H5FD_t *right) {
  const driver_file *a = (const driver_file *)left, *b = (const driver_file *)right;
  if (a->device != b->device) return a->device < b->device ? -1 : 1;
  return a->inode < b->inode ? -1 : a->inode > b->inode;
}

static herr_t driver_query(const H5FD_t *base, unsigned long *features) {
  (void)base;
  *features = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE |
              H5FD_FEAT_AGGREGATE_SMALLDATA | H5FD_FEAT_SUPPORTS_SWMR_IO | H5FD_FEAT_DEFAULT_VFD_COMPATIBLE;
  return 0;
}

static haddr_t driver_get_allocated(const H5FD_t *base, H5FD_mem_t type) {
  (void)type;
  return ((const driver_file *)base)->allocated;
}

static herr_t driver_set_allocated(H5FD_t *base, H5FD_mem_t type, haddr_t end) {
  (void)type;
  ((driver_file *)base)->allocated = end;
  return 0;
}

static haddr_t driver_get_size(const H5FD_t *base, H5FD_mem_t type) {
  (void)type;
  return ((const driver_file *)base)->size;
}

/* HDF5 expects zeros past the end, which a writer may not have reached yet. To a reader no address of data is there. */
static herr_t fill(const driver_file *file, H5FD_mem_t type, void *bytes, size_t size) {
  memset(bytes, 0, size);
  if (size == 0 || file->output || type != H5FD_MEM_DRAW) return 0;
  tell_hdf5(H5E_READERROR, "cannot read", "the file ends before its data");
  return -1;
}

static herr_t driver_read(H5FD_t *base, H5FD_mem_t type, hid_t transfer, haddr_t offset, size_t size, void *buffer) {
  driver_file *file = (driver_file *)base;
  char *bytes = buffer;
  (void)transfer;
  while (size > 0) {
    const ssize_t got = pread(file->descriptor, bytes, size, (off_t)offset);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      tell_hdf5(H5E_READERROR, "cannot read", strerror(errno));
      note_error(file->output, errno);
      return -1;
    }
    if (got == 0) break;
    bytes += got;
    offset += (haddr_t)got;
    size -= (size_t)got;
  }
  return fill(file, type, bytes, size);
}

static herr_t driver_write(H5FD_t *base, H5FD_mem_t type, hid_t transfer, haddr_t offset, size_t size,
                           const void *buffer) {
  driver_file *file = (driver_file *)base;
  (void)type, (void)transfer;
  if (!file->output->error) note_error(file->output, gan_write_at(file->descriptor, buffer, size, offset));
  if (offset + size > file->size) file->size = offset + size;
  return 0;
}

static herr_t driver_truncate(H5FD_t *base, hid_t transfer, hbool_t closing) {
  driver_file *file = (driver_file *)base;
  (void)transfer, (void)closing;
  if (file->size == file->allocated) return 0;
  if (!file->output->error && ftruncate(file->descriptor, (off_t)file->allocated) != 0) note_error(file->output, errno);
  file->size = file->allocated;
  return 0;
}

/* No lock is taken, but the callbacks have to be there: HDF5 keeps the flags "is being written" and "may be followed by
   readers" in a file only for drivers that have them. */
static herr_t driver_lock(H5FD_t *base, hbool_t exclusive) {
  (void)base, (void)exclusive;
  return 0;
}

static herr_t driver_unlock(H5FD_t *base) {
  (void)base;
  return 0;
}

/* Addresses are file offsets: up to the largest off_t. */
static const H5FD_class_t driver = {
#ifdef H5FD_CLASS_VERSION /* since HDF5 1.14 a driver states the interface it was compiled for, and a number of its \
                             own */
    .version = H5FD_CLASS_VERSION,
    .value = (H5FD_class_value_t)600,
#endif
    .name = "gan_dist output",
    .maxaddr = (haddr_t)INT64_MAX,
    .fc_degree = H5F_CLOSE_STRONG,
    .fapl_size = sizeof(driver_properties),
    .open = driver_open,
    .close = driver_close,
    .cmp = driver_compare,
    .query = driver_query,
    .get_eoa = driver_get_allocated,
    .set_eoa = driver_set_allocated,
    .get_eof = driver_get_size,
    .read = driver_read,
    .write = driver_write,
    .truncate = driver_truncate,
    .lock = driver_lock,
    .unlock = driver_unlock,
    .fl_map = H5FD_FLMAP_DICHOTOMY,
};

/* Registered once and for as long as HDF5 runs, as HDF5's own drivers are. The reference of an open file would not be
   enough: when the last one goes, HDF5 1.10 releases the class before it calls its `close` (H5FD_close). The kind is
   looked at because H5close() and a new start of HDF5 make the identifier void. */
static hid_t register_once(hid_t *id, const H5FD_class_t *class) {
  if (H5Iget_type(*id) != H5I_VFL) *id = H5FDregister(class);
  return *id;
}

herr_t gan_hdf5_set_output(hid_t access, gan_hdf5_output *output) {
  static hid_t registered = H5I_INVALID_HID;
  const driver_properties properties = {output};
  const hid_t id = register_once(&registered, &driver);
  return id < 0 ? -1 : H5Pset_driver(access, id, &properties);
}

/* A driver of its own: of one driver, HDF5 would take a file that this process writes for the one that it reads. */
herr_t gan_hdf5_set_input(hid_t access) {
  static hid_t registered = H5I_INVALID_HID;
  const driver_properties properties = {NULL};
  H5FD_class_t reader = driver;
  reader.name = "gan_dist input";
#ifdef H5FD_CLASS_VERSION
  reader.value = (H5FD_class_value_t)601;
#endif
  const hid_t id = register_once(&registered, &reader);
  return id < 0 ? -1 : H5Pset_driver(access, id, &properties);
}
