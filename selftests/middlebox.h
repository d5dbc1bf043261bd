/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A wire with a hand on it: frames go between two devices through this program,
 * which may pass, drop, keep, double and repeat them.
 *
 *	client's side                        server's side
 *	  fd[0]  ===== box_turn(): judge ====  fd[1]
 *
 * The devices are ends of veth pairs, or the card that leads to another guest.
 * Offloads need no care: each frame keeps the virtio header that says what is
 * left to be done to it.
 */
#ifndef XRPC_MIDDLEBOX_H
#define XRPC_MIDDLEBOX_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wire.h"

#define BOX_MSG_MAX	65536

/* A frame as it passes, and what it carries. */
struct box_frame {
	bool to_client;
	unsigned int len;
	const unsigned char *raw;	/* virtio header, Ethernet, ... */
	uint16_t port;			/* the server's; 0: no XRPC packet */
	uint32_t types;			/* bit n: a frame of type n is in it */
	bool data;			/* the packet has a segment: */
	struct xrpc_seg seg;
};

struct box_kept {
	struct box_kept *next;
	bool to_client;
	unsigned int len;
	unsigned char raw[];
};

/* Frames kept, oldest first. */
struct box_store {
	struct box_kept *first;
	struct box_kept *last;
	unsigned int n;
};

struct box {
	int fd[2];
	uint8_t mac[2][ETH_ALEN];
};

/* Whether a frame goes on now. */
typedef bool (*box_judge)(const struct box_frame *f);

static inline void box_close(struct box *b, int side)
{
	if (b->fd[side] >= 0)
		close(b->fd[side]);
	b->fd[side] = -1;
}

static inline bool box_open(struct box *b, int side, const char *dev)
{
	struct sockaddr_ll a = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = if_nametoindex(dev),
	};
	struct packet_mreq mr = {
		.mr_ifindex = a.sll_ifindex,
		.mr_type = PACKET_MR_PROMISC,
	};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	int one = 1, room = 4 << 20;
	struct ifreq ifr = {};

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", dev);
	if (fd < 0 || !a.sll_ifindex || ioctl(fd, SIOCGIFHWADDR, &ifr) ||
	    setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one,
		       sizeof(one)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &mr,
		       sizeof(mr)) ||
	    bind(fd, (void *)&a, sizeof(a))) {
		close(fd);
		return false;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	memcpy(b->mac[side], ifr.ifr_hwaddr.sa_data, ETH_ALEN);
	b->fd[side] = fd;
	return true;
}

/* Look into a frame.  What is no XRPC packet has port 0. */
static inline void box_look(struct box_frame *f)
{
	const unsigned char *p = f->raw + sizeof(struct virtio_net_hdr) +
				 ETH_HLEN, *udp;
	int left = f->len - sizeof(struct virtio_net_hdr) - ETH_HLEN, len;
	struct xrpc_cursor c;
	int more;

	if (left < 48)
		return;
	if (p[-2] == 0x08 && p[-1] == 0x00 && p[9] == IPPROTO_UDP)
		udp = p + (p[0] & 15) * 4;
	else if (p[-2] == 0x86 && p[-1] == 0xdd && p[6] == IPPROTO_UDP)
		udp = p + 40;
	else
		return;
	/* Ethernet pads short frames */
	len = (udp[4] << 8 | udp[5]) - 8;
	if (len <= 0 || len > left - (int)(udp - p) - 8 ||
	    xrpc_wire_check(udp + 8, len, BOX_MSG_MAX))
		return;
	f->port = f->to_client ? udp[0] << 8 | udp[1] : udp[2] << 8 | udp[3];
	for (more = xrpc_wire_first(&c, udp + 8, len); more > 0;
	     more = xrpc_wire_next(&c)) {
		if (c.type < 32)
			f->types |= 1U << c.type;
		if (c.type == XRPC_FT_DATA && !f->data)
			f->data = !xrpc_wire_data(&c, &f->seg, BOX_MSG_MAX);
	}
}

static inline void box_send(struct box *b, bool to_client, const void *raw,
			    unsigned int len)
{
	int fd = b->fd[!to_client];

	/* who is away, or takes no more, loses it */
	if (fd >= 0 && send(fd, raw, len, MSG_DONTWAIT) < 0 &&
	    errno != ENETDOWN && errno != ENXIO && errno != ENOBUFS &&
	    errno != EAGAIN)
		perror("# middlebox");
}

static inline void box_keep(struct box_store *s, const struct box_frame *f)
{
	struct box_kept *k = malloc(sizeof(*k) + f->len);

	if (!k)
		abort();
	k->next = NULL;
	k->to_client = f->to_client;
	k->len = f->len;
	memcpy(k->raw, f->raw, f->len);
	if (s->last)
		s->last->next = k;
	else
		s->first = k;
	s->last = k;
	s->n++;
}

/* Send what is kept, and keep it. */
static inline void box_repeat(struct box *b, const struct box_store *s)
{
	const struct box_kept *k;

	for (k = s->first; k; k = k->next)
		box_send(b, k->to_client, k->raw, k->len);
}

static inline void box_reverse(struct box_store *s)
{
	struct box_kept *k, *next, *done = NULL;

	s->last = s->first;
	for (k = s->first; k; k = next) {
		next = k->next;
		k->next = done;
		done = k;
	}
	s->first = done;
}

static inline void box_forget(struct box_store *s)
{
	struct box_kept *k, *next;

	for (k = s->first; k; k = next) {
		next = k->next;
		free(k);
	}
	memset(s, 0, sizeof(*s));
}

/* Take what came in on one side. */
static inline void box_turn(struct box *b, int side, box_judge judge)
{
	static unsigned char raw[sizeof(struct virtio_net_hdr) + ETH_HLEN +
				 65536];
	const uint8_t *dest = raw + sizeof(struct virtio_net_hdr);
	ssize_t len;

	while ((len = recv(b->fd[side], raw, sizeof(raw), MSG_DONTWAIT)) >
	       (ssize_t)sizeof(struct virtio_net_hdr) + ETH_HLEN) {
		struct box_frame f = {
			.to_client = side,
			.len = len,
			.raw = raw,
		};

		/* for this host itself, which has a card in common with us */
		if (!memcmp(dest, b->mac[side], ETH_ALEN))
			continue;
		box_look(&f);
		if (judge(&f))
			box_send(b, f.to_client, raw, len);
	}
}

#endif /* XRPC_MIDDLEBOX_H */
