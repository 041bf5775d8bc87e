/* The program's and the library's version. */
#ifndef GAN_DIST_VERSION_H
#define GAN_DIST_VERSION_H

#define GAN_DIST_VERSION "0.1.0"

#endif
