/* Signs of life between hosts.

   What goes on among the ranks of a host shows in the memory that they share (watchdog.h). Nothing shows whether
   another host lives, or a rank that has a host to itself: while large data are read nobody knows how long waiting for
   it may take, and its connections stay open when it is stopped. So the first rank of each host sends rank 0 a datagram
   every second, which is answered, by threads of their own, whatever the ranks are at. Datagrams over IPv4, since one
   that is lost does not matter and 10,000 hosts need no more than one socket, with a number in them that only this run
   knows. A host is missed once it has been heard, which is before the start returns; where a firewall lets no datagrams
   through, the start takes a second, and nobody is missed. A sign also tells when a rank of its host last got on, and
   rank 0's answer when one of any host did. */
#ifndef GAN_DIST_HEARTBEAT_H
#define GAN_DIST_HEARTBEAT_H

#include <stdbool.h>

#include "dist/world.h"

typedef struct gan_heartbeat gan_heartbeat;

/* Begins to send signs, `pause` seconds apart. *heartbeat is owned by the caller; NULL in a world of one host, and on
   ranks that are not the first of theirs. Not having a network is no error. Collective; errors are agreed on. */
gan_status gan_heartbeat_start(gan_world *world, double pause, gan_heartbeat **heartbeat) GAN_CHECKED;
/* Not collective, but who stops is missed by those that do not. NULL is allowed. */
void gan_heartbeat_stop(gan_heartbeat *heartbeat);

/* Notes for the signs to come when a rank of this host last got on, and returns when one of another host did, as far as
   its signs have told (times as of gan_seconds; 0: never). From any thread, not collective; NULL is allowed. */
double gan_heartbeat_exchange(gan_heartbeat *heartbeat, double advanced);
/* Seconds of a processor's time that signs have taken. As above. */
double gan_heartbeat_seconds(const gan_heartbeat *heartbeat);

/* Whether a host was heard last between these times (gan_seconds), and its first rank. Rank 0 hears all hosts, the
   others hear rank 0's. *host lives as long as the heartbeat. From any thread, not collective; NULL is allowed. */
bool gan_heartbeat_misses(const gan_heartbeat *heartbeat, double from, double until, int *rank, const char **host);

#endif
