/* SPDX-License-Identifier: GPL-2.0 */
/* IP packets as bytes: caught on a device, changed, and sent by whoever. */
#ifndef XRPC_RAWIP_H
#define XRPC_RAWIP_H

#include "netns.h"

#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>

#include "wire.h"

struct ip_packet {
	unsigned char b[9000] __attribute__((aligned(8)));
	ssize_t len;
};

static inline bool pkt_v4(const struct ip_packet *p)
{
	return p->b[0] >> 4 == 4;
}

static inline struct udphdr *pkt_udp(const struct ip_packet *p)
{
	return (void *)(p->b + (pkt_v4(p) ? sizeof(struct iphdr) :
					    sizeof(struct ip6_hdr)));
}

/* The XRPC packet in it, and its length. */
static inline void *pkt_xrpc(const struct ip_packet *p)
{
	return pkt_udp(p) + 1;
}

static inline ssize_t pkt_xrpc_len(const struct ip_packet *p)
{
	return p->b + p->len - (unsigned char *)pkt_xrpc(p);
}

static inline void *pkt_addr(const struct ip_packet *p, bool source)
{
	if (pkt_v4(p))
		return (void *)(p->b + (source ? 12 : 16));
	return (void *)(p->b + (source ? 8 : 24));
}

static inline void pkt_set_addr(struct ip_packet *p, bool source,
				const char *addr)
{
	inet_pton(pkt_v4(p) ? AF_INET : AF_INET6, addr, pkt_addr(p, source));
}

static inline bool pkt_addr_is(const struct ip_packet *p, bool source,
			       const char *addr)
{
	bool v4 = pkt_v4(p);
	struct in6_addr a;

	return inet_pton(v4 ? AF_INET : AF_INET6, addr, &a) == 1 &&
	       !memcmp(&a, pkt_addr(p, source), v4 ? 4 : 16);
}

static inline uint32_t sum_add(uint32_t sum, const void *data, size_t len)
{
	const unsigned char *b = data;
	size_t i;

	for (i = 0; i + 1 < len; i += 2)
		sum += b[i] << 8 | b[i + 1];
	if (len & 1)
		sum += b[len - 1] << 8;
	return sum;
}

static inline uint16_t sum_fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons(~sum & 0xffff);
}

/* A transport's checksum over the pseudo header and @len bytes at @data. */
static inline uint16_t pkt_sum(const struct ip_packet *p, int proto,
			       const void *data, size_t len)
{
	uint32_t sum = proto + len;

	sum = sum_add(sum, pkt_addr(p, true), pkt_v4(p) ? 8 : 32);
	return sum_fold(sum_add(sum, data, len));
}

/* Make lengths and checksums of a UDP packet right. */
static inline void pkt_finish(struct ip_packet *p)
{
	struct udphdr *uh = pkt_udp(p);
	size_t len = p->b + p->len - (unsigned char *)uh;

	uh->len = htons(len);
	uh->check = 0;
	uh->check = pkt_sum(p, IPPROTO_UDP, uh, len);
	if (!uh->check)
		uh->check = 0xffff;
	if (pkt_v4(p)) {
		struct iphdr *ih = (void *)p->b;

		ih->tot_len = htons(p->len);
		ih->check = 0;
		ih->check = sum_fold(sum_add(0, ih, sizeof(*ih)));
	} else {
		((struct ip6_hdr *)p->b)->ip6_plen = htons(len);
	}
}

/* Begin a UDP packet: all but the payload and pkt_finish(). */
static inline void *pkt_begin(struct ip_packet *p, bool v4, const char *from,
			      int sport, const char *to, int dport)
{
	struct udphdr *uh;

	memset(p, 0, sizeof(*p));
	if (v4) {
		struct iphdr *ih = (void *)p->b;

		ih->version = 4;
		ih->ihl = 5;
		ih->ttl = 64;
		ih->protocol = IPPROTO_UDP;
	} else {
		struct ip6_hdr *ih = (void *)p->b;

		ih->ip6_vfc = 0x60;
		ih->ip6_hlim = 64;
		ih->ip6_nxt = IPPROTO_UDP;
	}
	pkt_set_addr(p, true, from);
	pkt_set_addr(p, false, to);
	uh = pkt_udp(p);
	uh->source = htons(sport);
	uh->dest = htons(dport);
	p->len = (unsigned char *)(uh + 1) - p->b;
	return uh + 1;
}

/* A socket that sends packets whole, headers and all. */
static inline int raw_socket(const char *ns, bool v4)
{
	int fd;

	ns_enter(ns);
	fd = socket(v4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_CLOEXEC,
		    IPPROTO_RAW);
	if (fd < 0) {
		printf("Bail out! raw socket: %s\n", strerror(errno));
		exit(1);
	}
	return fd;
}

static inline bool raw_send(int fd, const struct ip_packet *p)
{
	struct sockaddr_in6 a6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in a4 = { .sin_family = AF_INET };

	if (pkt_v4(p)) {
		memcpy(&a4.sin_addr, pkt_addr(p, false), 4);
		return sendto(fd, p->b, p->len, 0, (void *)&a4,
			      sizeof(a4)) == p->len;
	}
	memcpy(&a6.sin6_addr, pkt_addr(p, false), 16);
	return sendto(fd, p->b, p->len, 0, (void *)&a6, sizeof(a6)) == p->len;
}

/*
 * Catch the next UDP packet on a device to or from a port; the packets of
 * other kinds before it are thrown away.
 */
static inline bool pkt_catch(int fd, struct ip_packet *p, int sport, int dport,
			     int ms)
{
	uint64_t end = ms_now() + ms;

	for (;;) {
		uint64_t now = ms_now();

		if (!readable(fd, now < end ? (int)(end - now) : 0))
			return false;
		p->len = recv(fd, p->b, sizeof(p->b), 0);
		if (p->len < 48)
			continue;
		if (pkt_v4(p) ? p->b[9] != IPPROTO_UDP : p->b[6] != IPPROTO_UDP)
			continue;
		if ((!sport || pkt_udp(p)->source == htons(sport)) &&
		    (!dport || pkt_udp(p)->dest == htons(dport)))
			return true;
	}
}

/* Throw away what a packet socket has caught so far. */
static inline void pkt_flush(int fd)
{
	char b[16];

	while (recv(fd, b, sizeof(b), MSG_DONTWAIT) >= 0)
		;
}

/* The first frame of a type in a caught packet. */
static inline void *pkt_frame(const struct ip_packet *p, uint8_t type)
{
	struct xrpc_cursor c;
	int more;

	if (pkt_xrpc_len(p) < (ssize_t)sizeof(struct xrpc_hdr) ||
	    xrpc_wire_check(pkt_xrpc(p), pkt_xrpc_len(p), 65536))
		return NULL;
	for (more = xrpc_wire_first(&c, pkt_xrpc(p), pkt_xrpc_len(p));
	     more > 0; more = xrpc_wire_next(&c)) {
		if (c.type == type)
			return (void *)c.frame;
	}
	return NULL;
}

#endif /* XRPC_RAWIP_H */
