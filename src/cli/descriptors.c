/* Standard descriptors that whoever started the program has closed (`gan_dist <&- >&- 2>&-`, some daemons): the next
   file or socket that is opened would get the number, MPI's for one, and what is printed would go into it. So /dev/null
   takes the place of each: who closed them wants to give and to hear nothing. Before any constructor, since libraries
   open files in theirs; hence nothing but system calls. */
#include <fcntl.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

__attribute__((no_sanitize("address", "undefined"))) static void fill_descriptors(void) {
  for (long descriptor = STDIN_FILENO; descriptor <= STDERR_FILENO; descriptor++)
    if (syscall(SYS_fcntl, descriptor, F_GETFD) < 0) /* openat gives the lowest number that is free: this one */
      (void)syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR);
}
__attribute__((section(".preinit_array"), used)) static void (*before_all)(void) = fill_descriptors;
