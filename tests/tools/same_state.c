/* Whether two HDF5 files hold the same: the same groups and data sets with the same attributes, each of the same type
   and shape, and the same in every bit. (h5diff only warns about other types and shapes, and takes -0 for 0.)

     same_state A.h5 B.h5              all of it, as of checkpoints that may come of runs in other folders: but for the
                                       attributes of the root that say who wrote it and how it was told to
     same_state A.h5 B.h5 /OBJECT...   these groups and data sets with all that is in them

   Exit status: 0 the same, 1 not, with the first difference on stdout, 2 one of them cannot be compared. */
#include <hdf5.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SAME, DIFFERENT, UNREADABLE, NAME_BYTES = 1024, RANK_MOST = 32 };

/* Two objects of one kind, one in each file, and what they are called in messages. */
typedef struct pair {
  hid_t a, b;
  const char *name;
} pair;

/* As printf, with a line end; returns the status. */
__attribute__((format(printf, 2, 3))) static int report(int status, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vprintf(format, arguments);
  va_end(arguments);
  putchar('\n');
  return status;
}

static int unreadable(const char *name) { return report(UNREADABLE, "%s cannot be read", name); }

/* What data sets and attributes are made of. */
typedef struct content {
  hid_t type, space;
  int rank; /* -1: no values at all (H5S_NULL) */
  hsize_t size[RANK_MOST];
  size_t bytes; /* of all values */
  void *values;
} content;

static void content_release(content *of) {
  if (of->values && H5Tis_variable_str(of->type) > 0) H5Dvlen_reclaim(of->type, of->space, H5P_DEFAULT, of->values);
  free(of->values);
  if (of->type >= 0) H5Tclose(of->type);
  if (of->space >= 0) H5Sclose(of->space);
}

/* Type, shape and, with the type's own layout, the bytes. */
static bool content_read(hid_t object, bool is_attribute, content *of) {
  *of = (content){.type = is_attribute ? H5Aget_type(object) : H5Dget_type(object),
                  .space = is_attribute ? H5Aget_space(object) : H5Dget_space(object)};
  if (of->type < 0 || of->space < 0) return false;
  of->rank =
      H5Sget_simple_extent_type(of->space) == H5S_NULL ? -1 : H5Sget_simple_extent_dims(of->space, of->size, NULL);
  const hssize_t count = of->rank < 0 ? 0 : H5Sget_simple_extent_npoints(of->space);
  of->bytes = (size_t)count * H5Tget_size(of->type);
  of->values = calloc(of->bytes + 1, 1);
  if (count < 0 || !of->values) return false;
  if (count == 0) return true;
  if (is_attribute) return H5Aread(object, of->type, of->values) >= 0;
  return H5Dread(object, of->type, H5S_ALL, H5S_ALL, H5P_DEFAULT, of->values) >= 0;
}

static int compare_texts(const content *a, const content *b, const char *name) {
  char *const *of_a = a->values, *const *of_b = b->values;
  for (size_t i = 0; i < a->bytes / sizeof *of_a; i++)
    if ((of_a[i] == NULL) != (of_b[i] == NULL) || (of_a[i] && strcmp(of_a[i], of_b[i]) != 0))
      return report(DIFFERENT, "%s: \"%s\" and \"%s\"", name, of_a[i] ? of_a[i] : "", of_b[i] ? of_b[i] : "");
  return SAME;
}

static int compare_bytes(const content *a, const content *b, const char *name) {
  const unsigned char *of_a = a->values, *of_b = b->values;
  const size_t each = H5Tget_size(a->type);
  for (size_t i = 0; i < a->bytes; i++)
    if (of_a[i] != of_b[i]) return report(DIFFERENT, "%s: element %zu has other bits", name, i / each);
  return SAME;
}

static int compare_contents(const content *a, const content *b, const char *name) {
  if (H5Tequal(a->type, b->type) <= 0) return report(DIFFERENT, "%s is of another type", name);
  if (a->rank != b->rank) return report(DIFFERENT, "%s has %d and %d dimensions", name, a->rank, b->rank);
  for (int i = 0; i < a->rank; i++)
    if (a->size[i] != b->size[i])
      return report(DIFFERENT, "%s: dimension %d is %llu and %llu", name, i, (unsigned long long)a->size[i],
                    (unsigned long long)b->size[i]);
  const H5T_class_t class = H5Tget_class(a->type);
  if (H5Tis_variable_str(a->type) > 0) return compare_texts(a, b, name);
  if (class == H5T_INTEGER || class == H5T_FLOAT || class == H5T_STRING) return compare_bytes(a, b, name);
  return report(UNREADABLE, "%s: values of this type cannot be compared", name);
}

static int compare_values(pair objects, bool are_attributes) {
  content a, b = {.type = H5I_INVALID_HID, .space = H5I_INVALID_HID};
  const bool read = content_read(objects.a, are_attributes, &a) && content_read(objects.b, are_attributes, &b);
  const int status = read ? compare_contents(&a, &b, objects.name) : unreadable(objects.name);
  content_release(&a);
  content_release(&b);
  return status;
}

/* Where a checkpoint of the same state may differ. */
static bool is_told_from_outside(const char *attribute) {
  return strcmp(attribute, "config") == 0 || strcmp(attribute, "program_version") == 0;
}

static int compare_attribute(pair objects, const char *attribute) {
  char name[NAME_BYTES];
  snprintf(name, sizeof name, "%s@%s", objects.name, attribute);
  if (H5Aexists(objects.b, attribute) <= 0) return report(DIFFERENT, "%s is in the first only", name);
  const pair attributes = {H5Aopen(objects.a, attribute, H5P_DEFAULT), H5Aopen(objects.b, attribute, H5P_DEFAULT),
                           name};
  const int status = attributes.a < 0 || attributes.b < 0 ? unreadable(name) : compare_values(attributes, true);
  if (attributes.a >= 0) H5Aclose(attributes.a);
  if (attributes.b >= 0) H5Aclose(attributes.b);
  return status;
}

/* Those of a are all in b, and alike; as many in b are all. */
static int compare_attributes(pair objects, bool root) {
  const int count_a = H5Aget_num_attrs(objects.a), count_b = H5Aget_num_attrs(objects.b);
  for (int i = 0; i < count_a; i++) {
    char attribute[NAME_BYTES / 2];
    if (H5Aget_name_by_idx(objects.a, ".", H5_INDEX_NAME, H5_ITER_INC, (hsize_t)i, attribute, sizeof attribute,
                           H5P_DEFAULT) < 0)
      return unreadable(objects.name);
    const int status = root && is_told_from_outside(attribute) ? SAME : compare_attribute(objects, attribute);
    if (status != SAME) return status;
  }
  if (count_a == count_b) return SAME;
  return report(DIFFERENT, "%s has %d and %d attributes", objects.name, count_a, count_b);
}

static int compare_objects(pair objects, bool root);

static int compare_member(pair groups, const char *member) {
  char name[NAME_BYTES];
  snprintf(name, sizeof name, "%s%s%s", groups.name, groups.name[1] ? "/" : "", member);
  if (H5Lexists(groups.b, member, H5P_DEFAULT) <= 0) return report(DIFFERENT, "%s is in the first only", name);
  const pair members = {H5Oopen(groups.a, member, H5P_DEFAULT), H5Oopen(groups.b, member, H5P_DEFAULT), name};
  const int status = members.a < 0 || members.b < 0 ? unreadable(name) : compare_objects(members, false);
  if (members.a >= 0) H5Oclose(members.a);
  if (members.b >= 0) H5Oclose(members.b);
  return status;
}

static int compare_groups(pair groups) {
  H5G_info_t a, b;
  if (H5Gget_info(groups.a, &a) < 0 || H5Gget_info(groups.b, &b) < 0) return unreadable(groups.name);
  for (hsize_t i = 0; i < a.nlinks; i++) {
    char member[NAME_BYTES / 2];
    if (H5Lget_name_by_idx(groups.a, ".", H5_INDEX_NAME, H5_ITER_INC, i, member, sizeof member, H5P_DEFAULT) < 0)
      return unreadable(groups.name);
    const int status = compare_member(groups, member);
    if (status != SAME) return status;
  }
  if (a.nlinks == b.nlinks) return SAME;
  return report(DIFFERENT, "%s has %d and %d members", groups.name, (int)a.nlinks, (int)b.nlinks);
}

static int compare_objects(pair objects, bool root) {
  const H5I_type_t kind = H5Iget_type(objects.a);
  if (kind != H5Iget_type(objects.b)) return report(DIFFERENT, "%s is of another kind", objects.name);
  const int status = compare_attributes(objects, root);
  if (status != SAME) return status;
  if (kind == H5I_GROUP) return compare_groups(objects);
  if (kind == H5I_DATASET) return compare_values(objects, false);
  return report(UNREADABLE, "%s is neither a group nor a data set", objects.name);
}

static int compare_at(hid_t a, hid_t b, const char *path) {
  const pair objects = {H5Oopen(a, path, H5P_DEFAULT), H5Oopen(b, path, H5P_DEFAULT), path};
  const int status = objects.a < 0 || objects.b < 0 ? unreadable(path) : compare_objects(objects, path[1] == '\0');
  if (objects.a >= 0) H5Oclose(objects.a);
  if (objects.b >= 0) H5Oclose(objects.b);
  return status;
}

int main(int count, char **words) {
  if (count < 3) return report(UNREADABLE, "usage: same_state A.h5 B.h5 [/OBJECT...]");
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  const hid_t a = H5Fopen(words[1], H5F_ACC_RDONLY, H5P_DEFAULT), b = H5Fopen(words[2], H5F_ACC_RDONLY, H5P_DEFAULT);
  if (a < 0 || b < 0) return unreadable(words[a < 0 ? 1 : 2]);
  int status = count == 3 ? compare_at(a, b, "/") : SAME;
  for (int i = 3; i < count && status == SAME; i++) status = compare_at(a, b, words[i]);
  H5Fclose(a);
  H5Fclose(b);
  return status;
}
