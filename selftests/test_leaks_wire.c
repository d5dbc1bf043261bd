// SPDX-License-Identifier: GPL-2.0
/*
 * xrpc-test: mode=icount kernels=6.1,6.12,debug timeout=300
 *
 * What packets carry: frames of every type are caught on the loopback device,
 * and all of their bytes are meant.  Messages are made of one letter, and the
 * memory that packets are built in was filled with another before.  (Stock
 * kernels clear what they allocate; the debug kernel does not, and shows more.)
 */
#define _GNU_SOURCE
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include "infos.h"
#include "wire.h"

#define PORT	4320
#define DUST	0xd5
#define LETTER	'm'

static char message[XRPC_MSG_MAX];
static unsigned int seen[256];

/* ---- reading --------------------------------------------------------- */

static bool all(const void *at, size_t len, unsigned char c)
{
	const unsigned char *p = at;

	for (; len; len--) {
		if (*p++ != c)
			return false;
	}
	return true;
}

/* Whether a frame's fields that must be zero are. */
static bool frame_clean(const struct xrpc_cursor *c)
{
	const void *f = c->frame;
	const struct xrpc_done *d = f + sizeof(struct xrpc_fhdr);
	struct xrpc_seg seg;
	unsigned int i;

	switch (c->type) {
	case XRPC_FT_DATA:
		return !xrpc_wire_data(c, &seg, XRPC_MSG_MAX) && !seg.msg &&
		       all(seg.data, seg.len, LETTER);
	case XRPC_FT_PAD:
		return all(f + sizeof(struct xrpc_fhdr),
			   c->len - sizeof(struct xrpc_fhdr), 0);
	case XRPC_FT_DONE:
		for (i = 0; i < (c->len - sizeof(struct xrpc_fhdr)) / 8; i++) {
			if (d[i].reserved)
				return false;
		}
		return true;
	case XRPC_FT_ACCEPT:
		return !((struct xrpc_accept *)f)->reserved;
	case XRPC_FT_TOKEN_REQ:
		return !((struct xrpc_token_req *)f)->reserved;
	case XRPC_FT_TOKEN:
		return !((struct xrpc_token_frame *)f)->reserved;
	case XRPC_FT_STATUS:
		return !((struct xrpc_status *)f)->reserved;
	case XRPC_FT_PROBE:
	case XRPC_FT_CANCEL:
		return !((struct xrpc_callref *)f)->reserved;
	case XRPC_FT_CLOSE:
		return !((struct xrpc_close *)f)->reason;
	case XRPC_FT_ACK:
	case XRPC_FT_OPEN:
	case XRPC_FT_NOSESSION:
		return true;
	}
	return false;		/* nothing here sends such a frame */
}

static bool packet_clean(const void *pkt, size_t len)
{
	const unsigned char *p = pkt;
	struct xrpc_cursor c;
	int more;

	if (xrpc_wire_check(pkt, len, XRPC_MSG_MAX)) {
		printf("# %zu bytes that are no packet\n", len);
		return false;
	}
	for (more = xrpc_wire_first(&c, pkt, len); more > 0;
	     more = xrpc_wire_next(&c)) {
		seen[c.type]++;
		if (frame_clean(&c) &&
		    all(c.frame + c.len, c.p - c.frame - c.len, 0))
			continue;
		printf("# frame of type %u at %zu of %zu\n", c.type,
		       (size_t)(c.frame - p), len);
		return false;
	}
	return true;
}

/* ---- catching -------------------------------------------------------- */

static int tap;

static void tap_open(void)
{
	struct sockaddr_ll lo = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = if_nametoindex("lo"),
	};
	int size = 64 << 20;

	tap = socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_ALL));
	setsockopt(tap, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (bind(tap, (void *)&lo, sizeof(lo))) {
		printf("Bail out! packet socket: %s\n", strerror(errno));
		exit(1);
	}
}

/* Judge all that was caught.  Returns how many packets. */
static int judge(bool *clean)
{
	static _Alignas(8) unsigned char buf[70000];
	struct sockaddr_ll from;
	socklen_t len;
	int n = 0;

	*clean = true;
	for (;;) {
		size_t ip, udp;
		ssize_t got;

		len = sizeof(from);
		got = recvfrom(tap, buf, sizeof(buf), MSG_DONTWAIT,
			       (void *)&from, &len);
		if (got < 0)
			return n;
		/* the loopback device shows a packet twice */
		if (from.sll_pkttype == PACKET_OUTGOING)
			continue;
		if (from.sll_protocol == htons(ETH_P_IP)) {
			struct iphdr *h = (void *)buf;

			ip = h->ihl * 4;
			if (h->protocol != IPPROTO_UDP ||
			    ntohs(h->tot_len) != got)
				continue;
		} else {
			struct ip6_hdr *h = (void *)buf;

			ip = sizeof(*h);
			if (h->ip6_nxt != IPPROTO_UDP ||
			    ntohs(h->ip6_plen) + ip != (size_t)got)
				continue;
		}
		udp = ntohs(((struct udphdr *)(buf + ip))->len);
		if (buf[ip + 8] == DUST)
			continue;
		n++;
		*clean &= ip + udp == (size_t)got;
		/* the parser wants its alignment */
		memmove(buf, buf + ip + 8, udp - 8);
		*clean &= packet_clean(buf, udp - 8);
	}
}

static void check(const char *what)
{
	bool clean;
	int n = judge(&clean);

	ok(n && clean, "%s: all bytes of %d packets are meant", what, n);
}

/* Packets of many sizes, so that memory of packets to come has been theirs. */
static void dust(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int in = socket(AF_INET, SOCK_DGRAM, 0), i;
	socklen_t len = sizeof(to);
	static char buf[9000];
	bool clean;

	memset(buf, DUST, sizeof(buf));
	bind(in, (void *)&to, sizeof(to));
	getsockname(in, (void *)&to, &len);
	for (i = 0; i < 400; i++)
		sendto(in, buf, (i % 45 + 1) * 200 - 64, MSG_DONTWAIT,
		       (void *)&to, sizeof(to));
	close(in);
	judge(&clean);
}

/* ---- calls of every kind --------------------------------------------- */

static void *serve(void *arg)
{
	struct sockaddr_xrpc from;
	int fd = *(int *)arg;
	char buf[16];
	ssize_t n;

	/* the answer is as long as the request */
	while ((n = recvfrom(fd, buf, sizeof(buf), MSG_TRUNC, (void *)&from,
			     &(socklen_t){ sizeof(from) })) >= 0) {
		if (n == 2)
			return NULL;
		if (n == 7)
			sleep(3);
		if (from.sxr_call)
			give_answer(fd, message, n, &from);
	}
	return NULL;
}

static void calls(const char *host)
{
	static const size_t sizes[] = { 0, 1, 3, 4, 5, 100, 1001, 1400, 8801,
					20000, XRPC_MSG_MAX };
	struct sockaddr_xrpc a = at(host, PORT, 0);
	uint32_t method = 9;
	uint64_t us = 20000000, name = 1;
	struct info infos[] = {
		{ XRPC_METHOD, &method, 4, 0 },
		{ XRPC_DEADLINE, &us, 8, 0 },
		{ XRPC_COOKIE, &name, 8, 0 },
		{ XRPC_ONEWAY, NULL, 0, 0 },
	};
	struct info cancel = { XRPC_CANCEL, &name, 8, 0 };
	int s = server_at(a), c = client_to(a), d, i, n;
	static char room[XRPC_MSG_MAX];
	pthread_t t;

	dust();
	pthread_create(&t, NULL, serve, &s);
	for (i = 0; i < (int)(sizeof(sizes) / sizeof(sizes[0])); i++) {
		send(c, message, sizes[i], 0);
		recv(c, room, sizeof(room), 0);
		usleep(30000);
		send(c, message, sizes[i], 0);
		recv(c, room, sizeof(room), 0);
	}
	check("one after another");
	dust();
	for (i = 0; i < 100; i++)
		send(c, message, i * 17, 0);
	for (i = 0; i < 100; i++)
		recv(c, room, sizeof(room), 0);
	usleep(50000);
	check("many at a time");

	dust();
	for (n = 1; n <= 4; n++) {
		send_infos(c, NULL, "mmm", 0, infos, n);
		if (n < 4)
			recv(c, room, sizeof(room), 0);
	}
	recv(c, room, sizeof(room), 0);
	d = client_to(at(host, PORT, 55));
	send(d, message, 5, 0);
	recv(d, room, sizeof(room), 0);
	close(d);
	check("methods, deadlines, one-way messages, refusals");

	dust();
	send_infos(c, NULL, "mmmmmmm", 0, infos + 2, 1);
	usleep(2500000);
	send_infos(c, NULL, "", 0, &cancel, 1);
	recv(c, room, sizeof(room), 0);
	sleep(1);
	check("a slow answer, probed for and cancelled");

	send(c, message, 2, 0);
	pthread_join(t, NULL);
	close(s);
	recv(c, room, sizeof(room), 0);
	close(c);
	usleep(50000);
	check("the end of server and client");
}

/* ---- a peer by hand -------------------------------------------------- */

static int udp;
static struct sockaddr_in peer;
static _Alignas(8) unsigned char in[4096], out[4096];
static size_t out_len;

static ssize_t hear(int ms)
{
	socklen_t len = sizeof(peer);

	if (!ready(udp, POLLIN, ms))
		return 0;
	return recvfrom(udp, in, sizeof(in), 0, (void *)&peer, &len);
}

static struct xrpc_hdr *begin(uint64_t id, uint8_t flags, uint32_t pn)
{
	struct xrpc_hdr *h = (void *)out;

	memset(out, 0, sizeof(out));
	h->vfk = XRPC_WIRE_VERSION;
	h->flags = flags;
	h->pn = htobe32(pn);
	xrpc_put64(h->id, id);
	h->echo_delay = htobe32(XRPC_ECHO_NONE);
	out_len = sizeof(*h);
	return h;
}

static void *frame(uint8_t type, uint8_t flags, size_t len)
{
	struct xrpc_fhdr *f = (void *)(out + out_len);

	f->type = type;
	f->flags = flags;
	f->len = htobe16(len);
	out_len += len;
	return f;
}

static void say(void)
{
	sendto(udp, out, out_len, 0, (void *)&peer, sizeof(peer));
}

/* Give a client its token.  Returns its id. */
static uint64_t give_token(void)
{
	const struct xrpc_hdr *h = (const void *)in;
	const struct xrpc_token_req *r = (const void *)(h + 1);
	uint64_t id = xrpc_get64(r->client_id);
	struct xrpc_token_frame *f;

	begin(id, 0, 0)->echo = h->pn;
	f = frame(XRPC_FT_TOKEN, 0, sizeof(*f));
	xrpc_put64(f->epoch, 77);
	f->token.w[0] = 1;
	say();
	return id;
}

/*
 * The first packet from a server asks for an acknowledgement and cannot be
 * taken, since the client's queue is full: there is no packet yet that could be
 * acknowledged, and the client says nothing wrong.
 */
static void test_nothing_to_acknowledge(void)
{
	struct sockaddr_in here = {
		.sin_family = AF_INET, .sin_port = htons(PORT + 1),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct sockaddr_xrpc none = at("127.0.0.1", PORT, 66);
	struct sockaddr_xrpc fake = at("127.0.0.1", PORT + 1, 0);
	int small = 1, s = server_at(at("127.0.0.1", PORT, 0)), c, i;
	struct xrpc_accept *a;
	struct xrpc_data *d;
	bool clean = true;
	uint64_t id = 0;
	int packets = 0;
	ssize_t n;

	udp = socket(AF_INET, SOCK_DGRAM, 0);
	bind(udp, (void *)&here, sizeof(here));
	c = xrpc_socket();
	setsockopt(c, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	/* refused calls whose ends nobody fetches */
	for (i = 0; i < 6; i++)
		sendto(c, message, 1, 0, (void *)&none, sizeof(none));
	usleep(100000);
	dust();

	sendto(c, message, 5, 0, (void *)&fake, sizeof(fake));
	if (hear(1000) > 0)
		id = give_token();
	ok(id && hear(1000) > 0 &&
	   ((struct xrpc_hdr *)in)->flags & XRPC_HF_OPENING,
	   "by hand: a session is opened");
	begin(id, XRPC_HF_ACK_NOW, 0);
	a = frame(XRPC_FT_ACCEPT, 0, sizeof(*a));
	a->ack_delay = htobe32(5000);
	xrpc_put64(a->server_id, 0x1234);
	xrpc_put64(a->epoch, 77);
	a->msg_max = htobe32(XRPC_MSG_MAX);
	a->chans = htobe16(4);
	d = frame(XRPC_FT_DATA, XRPC_DF_EOM | XRPC_DF_EOH, sizeof(*d) + 1000);
	d->seq = htobe32(1);
	memset(d + 1, LETTER, 1000);
	say();
	dust();
	usleep(5000);
	sendto(c, message, 6, 0, (void *)&fake, sizeof(fake));
	while ((n = hear(200)) > 0 && packets < 5) {
		clean &= packet_clean(in, n);
		packets++;
	}
	ok(packets && clean,
	   "by hand: nothing to acknowledge makes no empty acknowledgement");
	close(c);
	close(s);
	close(udp);
	dust();
}

/* A packet for nobody is answered, in words of the answerer's. */
static void test_stray(void)
{
	struct sockaddr_xrpc a = at("127.0.0.1", PORT, 0);
	int s = server_at(a);
	struct xrpc_data *d;

	udp = socket(AF_INET, SOCK_DGRAM, 0);
	peer.sin_family = AF_INET;
	peer.sin_port = htons(PORT);
	peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	dust();
	begin(0x4711, 0, 3);
	d = frame(XRPC_FT_DATA, XRPC_DF_EOM | XRPC_DF_EOH, sizeof(*d) + 100);
	d->seq = htobe32(1);
	memset(d + 1, LETTER, 100);
	say();
	usleep(50000);
	check("an unknown connection");
	close(udp);
	close(s);
}

int main(void)
{
	static const struct {
		int type;
		const char *name;
	} types[] = {
		{ XRPC_FT_PAD, "PAD" }, { XRPC_FT_DATA, "DATA" },
		{ XRPC_FT_ACK, "ACK" }, { XRPC_FT_DONE, "DONE" },
		{ XRPC_FT_OPEN, "OPEN" }, { XRPC_FT_ACCEPT, "ACCEPT" },
		{ XRPC_FT_TOKEN_REQ, "TOKEN_REQ" }, { XRPC_FT_TOKEN, "TOKEN" },
		{ XRPC_FT_NOSESSION, "NOSESSION" },
		{ XRPC_FT_STATUS, "STATUS" }, { XRPC_FT_PROBE, "PROBE" },
		{ XRPC_FT_CANCEL, "CANCEL" }, { XRPC_FT_CLOSE, "CLOSE" },
	};
	unsigned int i;

	signal(SIGPIPE, SIG_IGN);
	memset(message, LETTER, sizeof(message));
	tap_begin();
	if (unshare(CLONE_NEWNET) || system("ip link set lo up")) {
		printf("1..0 # SKIP no namespace of its own\n");
		return 4;
	}
	close(xrpc_socket());
	tap_open();
	calls("127.0.0.1");
	calls("::1");
	test_nothing_to_acknowledge();
	test_stray();
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		ok(seen[types[i].type], "a frame of type %s was caught",
		   types[i].name);
	return tap_end();
}
