/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Namespaces for the tests in C that need a network between their sockets: a
 * socket stays in the namespace it was made in, so one process has all ends.
 */
#ifndef XRPC_NETNS_H
#define XRPC_NETNS_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE	/* setns(); before any other header */
#endif
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <time.h>

#include "tap.h"

/* Run a shell command that must succeed. */
__attribute__((format(printf, 1, 2)))
static inline void run(const char *fmt, ...)
{
	char cmd[4096];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	if (system(cmd)) {
		printf("Bail out! %s\n", cmd);
		exit(1);
	}
}

/* Enter a namespace made by "ip netns add". */
static inline void ns_enter(const char *name)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET)) {
		printf("Bail out! namespace %s: %s\n", name, strerror(errno));
		exit(1);
	}
	close(fd);
}

/* One of the module's counters in a namespace. */
static inline uint64_t ns_counter(const char *ns, const char *name)
{
	ns_enter(ns);
	return counter(name);
}

/*
 * Two hosts and a router between them.
 *
 *	namespace c            namespace r                 namespace s
 *	+-----------------+    +----------------------+    +--------------+
 *	| vc 192.168.0.2  |====| rc .1         rs .1  |====| vs 10.0.0.2  |
 *	|    fd01::2      |    | fd01::1      fd00::1 |    |    fd00::2   |
 *	+-----------------+    +----------------------+    +--------------+
 */
static inline void setup_router(void)
{
	run("set -e; for n in c r s; do ip netns add $n; ip -n $n link set lo up;"
	    " ip netns exec $n sysctl -qw net.ipv6.conf.all.accept_dad=0"
	    " net.ipv6.conf.default.accept_dad=0; done;"
	    "ip link add vc netns c type veth peer name rc netns r;"
	    "ip link add rs netns r type veth peer name vs netns s;"
	    "ip -n c addr add 192.168.0.2/24 dev vc;"
	    "ip -n c addr add fd01::2/64 dev vc nodad;"
	    "ip -n r addr add 192.168.0.1/24 dev rc;"
	    "ip -n r addr add fd01::1/64 dev rc nodad;"
	    "ip -n r addr add 10.0.0.1/24 dev rs;"
	    "ip -n r addr add fd00::1/64 dev rs nodad;"
	    "ip -n s addr add 10.0.0.2/24 dev vs;"
	    "ip -n s addr add fd00::2/64 dev vs nodad;"
	    "ip -n c link set vc up; ip -n r link set rc up;"
	    "ip -n r link set rs up; ip -n s link set vs up;"
	    "ip -n c route add default via 192.168.0.1;"
	    "ip -n c route add default via fd01::1;"
	    "ip -n s route add default via 10.0.0.1;"
	    "ip -n s route add default via fd00::1;"
	    "ip netns exec r sysctl -qw net.ipv4.ip_forward=1"
	    " net.ipv6.conf.all.forwarding=1");
	/* what IPv6 sends when a link comes up */
	sleep(2);
}

/* What passes a device, both ways, without Ethernet's header. */
static inline int packet_socket(const char *ns, const char *dev)
{
	struct sockaddr_ll a = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
	};
	int fd, size = 8 << 20;

	ns_enter(ns);
	fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(ETH_P_ALL));
	a.sll_ifindex = if_nametoindex(dev);
	if (fd < 0 || bind(fd, (void *)&a, sizeof(a))) {
		printf("Bail out! packet socket: %s\n", strerror(errno));
		exit(1);
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	return fd;
}

static inline uint64_t ms_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ULL + ts.tv_nsec / 1000000;
}

/* Whether a descriptor becomes readable in time. */
static inline bool readable(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ms) == 1 && p.revents & POLLIN;
}

/* Bytes of a message that nobody takes for another's: its number comes first. */
static inline void fill_call(unsigned char *b, uint32_t id, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		b[i] = id * 31 + i * 7 + (i >> 8);
	memcpy(b, &id, sizeof(id));
}

/* Whether they are those, all of them and no more. */
static inline bool is_call(const unsigned char *b, ssize_t n, uint32_t id,
			   size_t len)
{
	static __thread unsigned char want[XRPC_MSG_MAX];

	fill_call(want, id, len);
	return n == (ssize_t)len && !memcmp(b, want, len);
}

/* The environment's divisor of counts, for slow kernels. */
static inline int scaled(int n)
{
	const char *div = getenv("XRPC_DIV");

	n /= div ? atoi(div) : 1;
	return n ? n : 1;
}

#endif /* XRPC_NETNS_H */
