#include "dist/heartbeat.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "dist/ticker.h"
#include "dist/world_state.h"

enum { ADDRESSES = 8, NAME = 64 };

/* Where rank 0 listens, and the number that makes a datagram one of this run. */
typedef struct invitation {
  uint64_t token;
  in_port_t port; /* in network order, as the addresses are; 0: rank 0 has no network */
  int addresses;
  struct in_addr address[ADDRESSES];
} invitation;

/* The hosts of a run have CPUs of one type, so a datagram is a structure as it lies in memory. */
typedef struct sign {
  uint64_t token;
  int32_t host; /* who sends it */
  int64_t idle; /* milliseconds since a rank of the host got on; from rank 0: of any host */
  char name[NAME];
} sign;

/* What is known of another host. */
typedef struct peer {
  atomic_llong heard; /* milliseconds of gan_seconds; 0: never */
  char name[NAME];    /* written before it is first heard */
} peer;

struct gan_heartbeat {
  const gan_world *world;
  double pause;
  int socket; /* -1: none, and no thread */
  invitation invitation;
  gan_ticker ticker;
  atomic_llong advanced;  /* milliseconds of gan_seconds: when a rank of this host got on last */
  atomic_llong elsewhere; /* and one of another host, as far as signs tell */
  int peers;              /* rank 0: all hosts; others: the first one only */
  peer peer[];
};

static bool is_loopback(const struct ifaddrs *interface) { return interface->ifa_flags & IFF_LOOPBACK; }

static void list_addresses(const struct ifaddrs *first, bool loopback, invitation *mine) {
  for (const struct ifaddrs *i = first; i && mine->addresses < ADDRESSES; i = i->ifa_next)
    if (i->ifa_addr && i->ifa_addr->sa_family == AF_INET && (i->ifa_flags & IFF_UP) && is_loopback(i) == loopback)
      mine->address[mine->addresses++] = ((const struct sockaddr_in *)(const void *)i->ifa_addr)->sin_addr;
}

/* A host without any other address than its loopback's is the only one: the hosts are pretended ones. */
static bool find_addresses(invitation *mine) {
  struct ifaddrs *interfaces = NULL;
  if (getifaddrs(&interfaces) != 0) return false;
  list_addresses(interfaces, false, mine);
  if (mine->addresses == 0) list_addresses(interfaces, true, mine);
  freeifaddrs(interfaces);
  return mine->addresses > 0;
}

/* Rank 0's socket, on a port that the system chooses. */
static bool listen_anywhere(gan_heartbeat *heartbeat) {
  invitation *mine = &heartbeat->invitation;
  struct sockaddr_in place = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY)};
  socklen_t size = sizeof place;
  const struct timeval patience = {.tv_usec = 50000}; /* then the thread looks whether it is to end */
  if (bind(heartbeat->socket, (const struct sockaddr *)&place, size) != 0 ||
      getsockname(heartbeat->socket, (struct sockaddr *)&place, &size) != 0 ||
      setsockopt(heartbeat->socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0 ||
      getrandom(&mine->token, sizeof mine->token, 0) != (ssize_t)sizeof mine->token || !find_addresses(mine))
    return false;
  mine->port = place.sin_port;
  return true;
}

static long long milliseconds(double seconds) { return (long long)(1000 * seconds); }

static void send_sign(const gan_heartbeat *heartbeat, const struct sockaddr_in *to) {
  long long advanced = atomic_load(&heartbeat->advanced);
  const long long elsewhere = atomic_load(&heartbeat->elsewhere);
  /* Rank 0 passes on what it has heard; the others tell of themselves. */
  if (heartbeat->world->rank == 0 && elsewhere > advanced) advanced = elsewhere;
  sign mine = {.token = heartbeat->invitation.token,
               .host = heartbeat->world->host_number,
               .idle = milliseconds(gan_seconds()) - advanced};
  memcpy(mine.name, heartbeat->world->host_name, NAME - 1);
  /* One that is lost, here or on its way, is followed by the next. */
  (void)sendto(heartbeat->socket, &mine, sizeof mine, MSG_DONTWAIT, (const struct sockaddr *)to, sizeof *to);
}

/* Receives a sign and notes it; false: none is there, or something else has arrived. */
static bool receive_sign(gan_heartbeat *heartbeat, int flags, struct sockaddr_in *from) {
  sign theirs;
  socklen_t size = sizeof *from;
  const ssize_t bytes = recvfrom(heartbeat->socket, &theirs, sizeof theirs, flags, (struct sockaddr *)from, &size);
  if (bytes != sizeof theirs || theirs.token != heartbeat->invitation.token) return false;
  if (theirs.host < 0 || theirs.host >= heartbeat->peers) return false;
  peer *sender = &heartbeat->peer[theirs.host];
  if (atomic_load(&sender->heard) == 0) memcpy(sender->name, theirs.name, NAME - 1);
  const long long now = milliseconds(gan_seconds()), advanced = now - theirs.idle;
  atomic_store(&sender->heard, now);
  /* This thread is the only one that writes to it. */
  if (theirs.idle >= 0 && advanced > atomic_load(&heartbeat->elsewhere)) atomic_store(&heartbeat->elsewhere, advanced);
  return true;
}

/* Rank 0's thread. It waits for signs rather than for its next turn: those of 10,000 hosts do not fit into a socket. */
static void *answer(void *context) {
  gan_heartbeat *heartbeat = context;
  struct sockaddr_in from;
  while (gan_ticker_wait(&heartbeat->ticker, 0))
    if (receive_sign(heartbeat, 0, &from)) send_sign(heartbeat, &from);
  return NULL;
}

/* Which of the addresses leads to rank 0 nobody knows: it is called at all. */
static void call(const gan_heartbeat *heartbeat) {
  const invitation *invited = &heartbeat->invitation;
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = invited->port};
  for (int i = 0; i < invited->addresses; i++) {
    to.sin_addr = invited->address[i];
    send_sign(heartbeat, &to);
  }
}

/* The thread of another host's first rank. */
static void *call_again(void *context) {
  gan_heartbeat *heartbeat = context;
  struct sockaddr_in from;
  do {
    while (receive_sign(heartbeat, MSG_DONTWAIT, &from)) continue;
    call(heartbeat);
  } while (gan_ticker_wait(&heartbeat->ticker, heartbeat->pause));
  return NULL;
}

/* Who is stopped before its first sign has arrived would be missed by nobody: the start ends when all have been heard,
   or after so many times so long, as where no network carries signs. */
enum { TIMES = 5, WAIT_MS = 200 };

static void wait_for_hosts(const gan_heartbeat *heartbeat) {
  const double end = gan_seconds() + 1e-3 * TIMES * WAIT_MS;
  const struct timespec moment = {.tv_nsec = 500000};
  for (int i = 0; i < heartbeat->peers; i++)
    while (i != heartbeat->world->host_number && atomic_load(&heartbeat->peer[i].heard) == 0 && gan_seconds() < end)
      nanosleep(&moment, NULL);
}

static void wait_for_rank_0(gan_heartbeat *heartbeat) {
  struct pollfd answer = {.fd = heartbeat->socket, .events = POLLIN};
  struct sockaddr_in from;
  for (int i = 0; i < TIMES && atomic_load(&heartbeat->peer[0].heard) == 0; i++) {
    call(heartbeat);
    if (poll(&answer, 1, WAIT_MS) > 0) (void)receive_sign(heartbeat, MSG_DONTWAIT, &from);
  }
}

/* On the first rank of a host, with rank 0's invitation. */
static gan_status begin(gan_heartbeat *heartbeat) {
  const bool first = heartbeat->world->rank == 0;
  if (heartbeat->invitation.port == 0 || heartbeat->socket < 0) return GAN_OK;
  if (!first) wait_for_rank_0(heartbeat);
  GAN_TRY(gan_ticker_start(&heartbeat->ticker, "heartbeat", first ? answer : call_again, heartbeat));
  if (first) wait_for_hosts(heartbeat);
  return GAN_OK;
}

static gan_status create(const gan_world *world, double pause, gan_heartbeat **created) {
  gan_heartbeat *heartbeat = NULL;
  const int peers = world->rank == 0 ? world->host_count : 1;
  const size_t bytes = sizeof *heartbeat + (size_t)peers * sizeof(peer);
  GAN_TRY(gan_allocate(1, bytes, "the signs of life between hosts", &heartbeat));
  heartbeat->world = world;
  heartbeat->pause = pause;
  heartbeat->peers = peers;
  heartbeat->socket = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  *created = heartbeat;
  return GAN_OK;
}

gan_status gan_heartbeat_start(gan_world *world, double pause, gan_heartbeat **started) {
  gan_heartbeat *heartbeat = NULL;
  invitation invited = {0};
  *started = NULL;
  if (world->host_count == 1) return GAN_OK;
  gan_status status = world->host_rank == 0 ? create(world, pause, &heartbeat) : GAN_OK;
  if (heartbeat && world->rank == 0 && listen_anywhere(heartbeat)) invited = heartbeat->invitation;
  gan_world_broadcast(world, &invited, sizeof invited);
  if (heartbeat) {
    heartbeat->invitation = invited;
    status = begin(heartbeat);
  }
  status = gan_world_agree(world, status);
  if (status == GAN_OK)
    *started = heartbeat;
  else
    gan_heartbeat_stop(heartbeat);
  return status;
}

void gan_heartbeat_stop(gan_heartbeat *heartbeat) {
  if (!heartbeat) return;
  gan_ticker_stop(&heartbeat->ticker);
  if (heartbeat->socket >= 0) close(heartbeat->socket);
  free(heartbeat);
}

double gan_heartbeat_exchange(gan_heartbeat *heartbeat, double advanced) {
  if (!heartbeat) return 0;
  atomic_store(&heartbeat->advanced, milliseconds(advanced));
  return 1e-3 * (double)atomic_load(&heartbeat->elsewhere);
}

double gan_heartbeat_seconds(const gan_heartbeat *heartbeat) {
  return heartbeat ? gan_ticker_seconds(&heartbeat->ticker) : 0;
}

bool gan_heartbeat_misses(const gan_heartbeat *heartbeat, double from, double until, int *rank, const char **host) {
  for (int i = 0; heartbeat && i < heartbeat->peers; i++) {
    const double heard = 1e-3 * (double)atomic_load(&heartbeat->peer[i].heard);
    if (heard == 0 || heard < from || heard >= until) continue;
    *rank = heartbeat->world->first_on_host[i];
    *host = heartbeat->peer[i].name;
    return true;
  }
  return false;
}
