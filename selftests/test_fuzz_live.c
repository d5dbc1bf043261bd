// SPDX-License-Identifier: GPL-2.0
/*
 * xrpc-test: mode=smp kernels=6.1,6.12,debug timeout=1200
 *
 * Mutated packets at live sockets: a million of them (FUZZ_PACKETS), part of
 * them at a server's endpoint, part at clients whose server lies.  They begin as
 * the protocol wants them, with real tokens, ids, numbers and sequences, so that
 * they get past the first checks, and are hurt field by field, repeated,
 * reordered, sent from other ports.  The numbers are those of FUZZ_SEED.
 *
 * Whatever comes, every call of a client ends, what the module sends is
 * well-formed, an honest client beside it gets right replies, and all memory
 * comes back.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "fuzz.h"
#include "tap.h"

#define PORT		4300		/* the server that is fuzzed */
#define LIAR_PORT	4310		/* the first of the servers that lie */
#define SERVICE		3
#define ECHO_SERVICE	7
#define PKT_MAX		9000

#define PORTS		6		/* plain sockets at either side */
#define SESSIONS	24		/* that the fuzzer keeps going */
#define CHANS		40
#define BATCH		32
#define OLD		64		/* packets kept to be repeated */

static uint64_t seed = 1;
static int slow = 1;			/* how much slower this kernel is */
static unsigned long sent;		/* packets */
static unsigned long malformed;		/* that the module sent */
static unsigned long heard;		/* packets from the module */

/* ---- /proc ----------------------------------------------------------- */

static void set_linger(unsigned int ms)
{
	FILE *f = fopen("/proc/sys/net/xrpc/linger_ms", "w");

	if (f) {
		fprintf(f, "%u\n", ms);
		fclose(f);
	}
}

static long counted(void)
{
	return counter("PktsIn") + counter("DropMalformed") +
	       counter("DropVersion") + counter("DropChecksum");
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* ---- making packets -------------------------------------------------- */

struct packet {
	uint8_t		b[PKT_MAX] __attribute__((aligned(8)));
	size_t		len;
	struct sockaddr_in to;
};

static struct packet batch[BATCH], old[OLD];
static unsigned int nbatch, nold;

/* The packet being made. */
static struct packet *p;

static struct xrpc_hdr *begin(uint8_t flags, uint64_t id, uint32_t pn)
{
	struct xrpc_hdr *h = (void *)p->b;

	memset(h, 0, sizeof(*h));
	h->vfk = XRPC_WIRE_VERSION;
	h->flags = flags;
	h->pn = htobe32(pn);
	xrpc_put64(h->id, id);
	h->echo_delay = htobe32(XRPC_ECHO_NONE);
	p->len = sizeof(*h);
	return h;
}

/* Room for a frame, zeroed; NULL where the packet is full. */
static void *frame(uint8_t type, uint8_t flags, size_t len)
{
	size_t at = (p->len + 3) & ~3UL;
	struct xrpc_fhdr *f = (void *)(p->b + at);

	if (at + len > sizeof(p->b))
		return NULL;
	memset(p->b + p->len, 0, at - p->len + len);
	f->type = type;
	f->flags = flags;
	f->len = htobe16(len);
	p->len = at + len;
	return f;
}

static void put_ref(uint8_t type, uint16_t chan, uint32_t seq)
{
	struct xrpc_callref *r = frame(type, 0, sizeof(*r));

	if (!r)
		return;
	r->chan = htobe16(chan);
	r->seq = htobe32(seq);
}

static void put_seg(uint16_t chan, uint32_t seq, uint32_t off, uint32_t len,
		    uint32_t total, uint8_t flags)
{
	struct xrpc_seg seg = {
		.chan = chan, .seq = seq, .off = off, .len = len,
		.total = total, .flags = flags, .method = rnd(),
		.deadline = below(3) ? XRPC_NO_DEADLINE : below(2000000),
	};
	uint8_t head[32] __attribute__((aligned(8)));
	size_t n;
	void *f;

	if (off + len == total)
		seg.flags |= XRPC_DF_EOM | XRPC_DF_EOH;
	n = xrpc_wire_put_data(head, &seg);
	f = frame(XRPC_FT_DATA, seg.flags, n + len);
	if (f)
		memcpy(f, head, n);
}

/* A piece of a message of several, as a sender would cut it, or not. */
static void put_piece(uint16_t chan, uint32_t seq, uint32_t total)
{
	uint32_t len = below(4) ? 1000 : XRPC_SEG_MIN + below(4000);
	uint32_t off = below(total / len + 1) * len;

	if (!below(8))
		off = below(total);
	if (len > total - off)
		len = total - off;
	put_seg(chan, seq, off, len, total, XRPC_DF_TOTAL |
		(below(4) ? 0 : XRPC_DF_METHOD));
}

static void put_acks(uint32_t top)
{
	uint32_t n = 1 + below(below(4) ? 3 : XRPC_ACK_RANGES_MAX), i;
	struct xrpc_ack_range *r;
	uint8_t *f = frame(XRPC_FT_ACK, 0, 4 + n * sizeof(*r));

	r = (void *)(f + 4);
	for (i = 0; f && i < n; i++) {
		r[i].hi = htobe32(top);
		top -= below(3);
		r[i].lo = htobe32(top);
		top -= 1 + below(3);
	}
}

/* ---- sending them ---------------------------------------------------- */

static int socks[PORTS];

/* The next packet to be made. */
static void next_packet(void)
{
	p = &batch[nbatch];
	p->len = 0;
}

static void flush(int fd)
{
	struct mmsghdr m[BATCH] = {};
	struct iovec v[BATCH];
	unsigned int i, j, done;
	struct packet *q;
	int n, one;

	/* some come late */
	for (i = 0; i + 1 < nbatch; i++) {
		if (below(16))
			continue;
		j = i + below(nbatch - i);
		q = &old[below(OLD)];
		*q = batch[i];
		batch[i] = batch[j];
		batch[j] = *q;
		if (nold < OLD)
			nold++;
	}
	for (i = 0; i < nbatch; i++) {
		v[i].iov_base = batch[i].b;
		v[i].iov_len = batch[i].len;
		m[i].msg_hdr.msg_iov = &v[i];
		m[i].msg_hdr.msg_iovlen = 1;
		m[i].msg_hdr.msg_name = &batch[i].to;
		m[i].msg_hdr.msg_namelen = sizeof(batch[i].to);
	}
	one = !below(64);
	if (one)
		setsockopt(fd, SOL_SOCKET, SO_NO_CHECK, &one, sizeof(one));
	for (done = 0; done < nbatch; done += n) {
		/* an ICMP error of before ends a send, and is gone then */
		n = sendmmsg(fd, m + done, nbatch - done, 0);
		if (n <= 0)
			n = errno != ECONNREFUSED;
		else
			sent += n;
	}
	if (one) {
		one = 0;
		setsockopt(fd, SOL_SOCKET, SO_NO_CHECK, &one, sizeof(one));
	}
	nbatch = 0;
}

/* The packet is made: as it is, hurt, an old one in its place. */
static void done_packet(int fd, const struct sockaddr_in *to,
			unsigned int wound)
{
	struct packet *q;

	p->to = *to;
	if (below(100) < wound) {
		do
			p->len = hurt(p->b, p->len, sizeof(p->b));
		while (!below(3));
	}
	if (!below(8)) {
		q = &old[nold < OLD ? nold++ : below(OLD)];
		memcpy(q->b, p->b, p->len);
		q->len = p->len;
		q->to = p->to;
	}
	nbatch++;
	if (nbatch < BATCH && nold && !below(20)) {
		q = &old[below(nold)];
		p = &batch[nbatch++];
		memcpy(p->b, q->b, q->len);
		p->len = q->len;
		p->to = *to;
	}
	if (nbatch == BATCH)
		flush(fd);
}

static void show_malformed(const uint8_t *b, const struct mmsghdr *m)
{
	unsigned int i;

	if (malformed++)
		return;
	printf("# %u bytes, flags %#x:", m->msg_len, m->msg_hdr.msg_flags);
	for (i = 0; i < 96 && i < m->msg_len; i++)
		printf("%s%02x", i % 4 ? "" : " ", b[i]);
	printf("\n");
}

/* What came back: each packet is handed to @take. */
static void drain(int i, void (*take)(int i, const struct sockaddr_in *from,
				      const uint8_t *b, size_t len))
{
	static uint8_t room[BATCH][PKT_MAX] __attribute__((aligned(8)));
	static struct sockaddr_in from[BATCH];
	struct mmsghdr m[BATCH] = {};
	struct iovec v[BATCH];
	int n, j, rounds = 0;

	/* answers may bring more of them: not without end */
	do {
		for (j = 0; j < BATCH; j++) {
			v[j].iov_base = room[j];
			v[j].iov_len = PKT_MAX;
			m[j].msg_hdr.msg_iov = &v[j];
			m[j].msg_hdr.msg_iovlen = 1;
			m[j].msg_hdr.msg_name = &from[j];
			m[j].msg_hdr.msg_namelen = sizeof(from[j]);
		}
		n = recvmmsg(socks[i], m, BATCH, MSG_DONTWAIT, NULL);
		for (j = 0; j < n; j++) {
			heard++;
			if (xrpc_wire_check(room[j], m[j].msg_len,
					    XRPC_MSG_MAX))
				show_malformed(room[j], &m[j]);
			else
				take(i, &from[j], room[j], m[j].msg_len);
		}
	} while (n == BATCH && ++rounds < 16);
}

static void open_sockets(int port)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int i, room = 2 << 20;

	for (i = 0; i < PORTS; i++) {
		socks[i] = socket(AF_INET, SOCK_DGRAM, 0);
		setsockopt(socks[i], SOL_SOCKET, SO_RCVBUFFORCE, &room,
			   sizeof(room));
		a.sin_port = port ? htons(port + i) : 0;
		if (bind(socks[i], (void *)&a, sizeof(a))) {
			printf("Bail out! bind: %s\n", strerror(errno));
			exit(1);
		}
	}
}

static void close_sockets(void)
{
	int i;

	for (i = 0; i < PORTS; i++)
		close(socks[i]);
}

/* ---- a server under it ----------------------------------------------- */

static volatile bool stop_server, stop_client, restart;

/* Takes requests, answers most of them, some late, some never. */
static void *application(void *arg)
{
	static char data[XRPC_MSG_MAX];
	static __thread char req[XRPC_MSG_MAX];
	struct xrpc_serve_args a;
	uint64_t held[64] = {}, *h;
	int fd = (long)arg, ret;

	fuzz_state = seed + fd;
	for (a.call = 0; !stop_server && !restart;) {
		a = (struct xrpc_serve_args){
			.call = a.call,
			.reply = (uintptr_t)data,
			.reply_len = below(8) ? below(100) : below(20000),
			.req = (uintptr_t)req,
			.req_len = below(8) ? sizeof(req) : below(200),
			.status = below(2),
		};
		h = &held[below(64)];
		if (a.call && !below(16)) {
			/* later, and whoever waited as long now */
			uint64_t swap = *h;

			*h = a.call;
			a.call = swap;
		} else if (a.call && !below(64)) {
			a.call = 0;
		}
		ret = ioctl(fd, XRPC_IOC_SERVE, &a);
		if (ret)
			a.call = 0;
		if (a.flags & (XRPC_SERVE_ONEWAY | XRPC_SERVE_CANCELED))
			a.call = 0;
	}
	return NULL;
}

/* Gives every request back: the honest client's. */
static void *echo(void *arg)
{
	static char req[XRPC_MSG_MAX];
	struct xrpc_serve_args a = {};
	int fd = (long)arg;

	while (!stop_server && !restart) {
		a.reply = a.req = (uintptr_t)req;
		a.reply_len = a.req_len;
		a.req_len = sizeof(req);
		a.flags = 0;
		if (ioctl(fd, XRPC_IOC_SERVE, &a))
			a.call = 0;
	}
	return NULL;
}

static int served(uint32_t service, int recvinfo)
{
	struct timeval tv = { .tv_usec = 100000 };
	struct sockaddr_xrpc a = at("127.0.0.1", PORT, service);
	int fd = xrpc_socket(), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_XRPC, XRPC_RECVINFO, &recvinfo, sizeof(int));
	setsockopt(fd, SOL_XRPC, XRPC_REUSEPORT, &one, sizeof(one));
	while (bind(fd, (void *)&a, sizeof(a))) {
		if (errno != EADDRINUSE)
			return -1;
		usleep(10000);
	}
	return fd;
}

/* Ends and begins again when it is told to, in the middle of it all. */
static void *server(void *arg)
{
	pthread_t t[3];
	int fd[3], i;

	while (!stop_server) {
		fd[0] = served(SERVICE, 1);
		fd[1] = served(SERVICE, 0);
		fd[2] = served(ECHO_SERVICE, 0);
		for (i = 0; i < 3; i++)
			pthread_create(&t[i], NULL, i < 2 ? application : echo,
				       (void *)(long)fd[i]);
		for (i = 0; i < 3; i++)
			pthread_join(t[i], NULL);
		for (i = 0; i < 3; i++)
			close(fd[i]);
		restart = false;
	}
	return arg;
}

static unsigned long honest_good, honest_bad, honest_lost;

/* One call with the echo service: 1 right, 0 no reply, -1 a wrong one. */
static int honest_call(int fd, uint32_t len, uint64_t us)
{
	static char req[XRPC_MSG_MAX], rep[XRPC_MSG_MAX];
	struct xrpc_call_args c = {
		.req = (uintptr_t)req, .req_len = len,
		.reply = (uintptr_t)rep, .reply_len = sizeof(rep),
		.deadline = us,
	};
	uint32_t i;

	for (i = 0; i < len; i++)
		req[i] = rnd();
	if (ioctl(fd, XRPC_IOC_CALL, &c))
		return 0;
	return c.reply_len == len && !memcmp(req, rep, len) ? 1 : -1;
}

static void *honest(void *arg)
{
	int fd = client_to(at("127.0.0.1", PORT, ECHO_SERVICE)), got;

	fuzz_state = seed + 1000;
	while (!stop_client) {
		got = honest_call(fd, below(8) ? below(200) : below(5000),
				  5000000);
		if (got > 0)
			honest_good++;
		else if (got < 0)
			honest_bad++;
		else
			honest_lost++;
		usleep(5000 * slow);
	}
	close(fd);
	return arg;
}

/* ---- fuzzing it ------------------------------------------------------ */

static struct {
	struct xrpc_token token;
	uint64_t	epoch;
	bool		has;
} ports[PORTS];

static struct session {
	uint64_t	id;		/* ours */
	uint64_t	server;		/* its, 0: not known */
	unsigned int	port;
	bool		moving;		/* to a new port: OPEN again */
	uint32_t	pn;
	uint32_t	peer_pn;
	uint32_t	age;
	uint32_t	seq[CHANS];
	uint32_t	total[CHANS];	/* of a request in pieces, 0: none */
	struct {
		uint16_t chan;
		uint32_t seq;
	} done[16];
	unsigned int	ndone;
} sessions[SESSIONS];

static struct sockaddr_in victim;

static void renew(struct session *s)
{
	memset(s, 0, sizeof(*s));
	s->id = below(16) ? rnd() : below(4);
	s->port = below(PORTS);
}

static struct session *session_by(uint64_t id, bool server)
{
	unsigned int i;

	for (i = 0; id && i < SESSIONS; i++)
		if ((server ? sessions[i].server : sessions[i].id) == id)
			return &sessions[i];
	return NULL;
}

static void take_answer(int i, const struct sockaddr_in *from,
			const uint8_t *b, size_t len)
{
	const struct xrpc_hdr *h = (const void *)b;
	struct session *s = session_by(xrpc_get64(h->id), false);
	const struct xrpc_token_frame *t;
	struct xrpc_cursor c;
	struct xrpc_seg seg;
	int more;

	(void)from;
	if (s)
		s->peer_pn = be32toh(h->pn);
	for (more = xrpc_wire_first(&c, b, len); more > 0;
	     more = xrpc_wire_next(&c)) {
		switch (c.type) {
		case XRPC_FT_TOKEN:
			t = (const void *)c.frame;
			ports[i].token = t->token;
			ports[i].epoch = xrpc_get64(t->epoch);
			ports[i].has = true;
			break;
		case XRPC_FT_ACCEPT:
			if (s && s->port == (unsigned int)i) {
				s->server = xrpc_get64(((const struct
					xrpc_accept *)c.frame)->server_id);
				s->moving = false;
			}
			break;
		case XRPC_FT_DATA:
			if (!s || xrpc_wire_data(&c, &seg, XRPC_MSG_MAX))
				break;
			s->done[s->ndone % 16].chan = seg.chan;
			s->done[s->ndone++ % 16].seq = seg.seq;
			break;
		case XRPC_FT_NOSESSION:
			s = session_by(xrpc_get64(((const struct
				xrpc_nosession *)c.frame)->id), true);
			if (s && !below(4))
				renew(s);
			s = NULL;
			break;
		}
	}
}

static void put_open(const struct session *s)
{
	struct xrpc_open *o = frame(XRPC_FT_OPEN, 0, sizeof(*o));

	o->service = htobe32(below(32) ? SERVICE : below(9));
	xrpc_put64(o->client_id, s->id);
	o->token = ports[s->port].token;
	xrpc_put64(o->epoch, ports[s->port].epoch);
	o->credit = htobe32(65536);
	o->ack_delay = htobe32(below(8) ? 10000 : odd());
	if (!below(64))
		o->h.flags = XRPC_OF_NO_TOKEN;
}

static void put_request(struct session *s)
{
	unsigned int chan = below(below(4) ? 4 : CHANS);
	uint8_t flags = below(4) ? 0 : XRPC_DF_METHOD;

	if (!below(16))
		flags |= XRPC_DF_ONEWAY;
	if (!below(16))
		flags |= XRPC_DF_REPLAYABLE;
	if (s->total[chan]) {
		put_piece(chan, s->seq[chan], s->total[chan]);
		if (!below(12))
			s->total[chan] = 0;
	} else if (below(5)) {
		uint32_t len = below(200);

		/* again, or the next one */
		if (below(6) || !s->seq[chan])
			s->seq[chan]++;
		put_seg(chan, s->seq[chan], 0, len, len, flags);
	} else {
		s->seq[chan]++;
		s->total[chan] = 1 + below(below(4) ? 8000 : XRPC_MSG_MAX);
		put_piece(chan, s->seq[chan], s->total[chan]);
	}
}

static void put_done(const struct session *s)
{
	unsigned int n = 1 + below(4), i, k;
	uint8_t *f = frame(XRPC_FT_DONE, 0, 4 + n * sizeof(struct xrpc_done));
	struct xrpc_done *d = (void *)(f + 4);

	for (i = 0; f && i < n; i++) {
		k = below(16);
		d[i].chan = htobe16(s->done[k].chan);
		d[i].seq = htobe32(s->done[k].seq);
	}
}

static void put_some_frame(struct session *s)
{
	unsigned int chan = below(below(4) ? 4 : CHANS);

	switch (below(16)) {
	case 0:
	case 1:
		put_acks(s->peer_pn);
		break;
	case 2:
	case 3:
		put_done(s);
		break;
	case 4:
		put_ref(XRPC_FT_PROBE, chan, s->seq[chan]);
		break;
	case 5:
		if (!below(4))
			s->seq[chan]++;
		put_ref(XRPC_FT_CANCEL, chan, s->seq[chan]);
		break;
	case 6:
		frame(below(2) ? XRPC_FT_PAD : XRPC_FT_SKIPPABLE + below(128),
		      0, 4 + below(64));
		break;
	case 7:
		if (below(8))
			break;
		frame(XRPC_FT_CLOSE, 0, sizeof(struct xrpc_close));
		if (below(8))
			renew(s);
		break;
	case 8:
		frame(XRPC_FT_CREDIT, 0, sizeof(struct xrpc_credit));
		break;
	default:
		put_request(s);
	}
}

static void ask_token(struct session *s)
{
	struct xrpc_token_req *r;

	begin(0, 0, s->pn++);
	r = frame(XRPC_FT_TOKEN_REQ, 0, sizeof(*r));
	xrpc_put64(r->client_id, s->id);
	if (!below(4)) {
		xrpc_put64(r->old_epoch, ports[s->port].epoch);
		xrpc_put64(r->old_id, s->server);
	}
	frame(XRPC_FT_PAD, 0, 8 + below(8));
}

/* The next packet of a session, as the protocol wants it. */
static void some_packet(struct session *s)
{
	unsigned int n = below(3) ? 1 : 1 + below(6);
	struct xrpc_hdr *h;

	next_packet();
	if (!ports[s->port].has || !below(256)) {
		ask_token(s);
		return;
	}
	if (!below(50)) {
		s->port = below(PORTS);
		s->moving = below(4);
	}
	if (!below(400))
		s->pn += odd();
	if (!s->server || s->moving || !below(64)) {
		h = begin(XRPC_HF_OPENING, 0, s->pn++);
		put_open(s);
	} else {
		h = begin(0, s->server, s->pn++);
	}
	if (below(4)) {
		h->echo = htobe32(s->peer_pn);
		h->echo_delay = htobe32(below(8) ? below(5000) : odd());
	}
	if (!below(8))
		h->flags |= XRPC_HF_ACK_NOW;
	while (n--)
		put_some_frame(s);
	if (p->len == sizeof(*h))
		frame(XRPC_FT_PAD, 0, 4);
}

static void fuzz_server(unsigned long packets)
{
	unsigned long end = sent + packets, life = packets / 10, next;
	unsigned int i, n, port;

	victim.sin_family = AF_INET;
	victim.sin_port = htons(PORT);
	victim.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (life < 8000)
		life = 8000;
	next = sent + life;
	open_sockets(0);
	for (i = 0; i < SESSIONS; i++)
		renew(&sessions[i]);
	while (sent < end) {
		/* those of a port together: they go with one system call */
		port = below(PORTS);
		for (i = 0; i < SESSIONS; i++) {
			struct session *s = &sessions[i];

			if (s->port != port)
				continue;
			for (n = 1 + below(8); n && s->port == port; n--) {
				some_packet(s);
				done_packet(socks[port], &victim, 40);
			}
			if (++s->age > 400 && !below(50))
				renew(s);
		}
		if (nbatch)
			flush(socks[port]);
		drain(port, take_answer);
		if (sent > next) {
			restart = true;
			next += life;
		}
	}
	close_sockets();
}

/* ---- clients under it ------------------------------------------------ */

static unsigned long begun, ended, wrong, refused;

#define WINDOW 16

/* Takes one result; false where there is none for a while. */
static bool take_result(int fd, bool *live, int flags)
{
	char room[3000], ctl[256];
	struct iovec v = { room, sizeof(room) };
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1,
		.msg_control = ctl, .msg_controllen = sizeof(ctl),
	};
	struct xrpc_result res = { .outcome = 99 };
	uint64_t cookie = 0;
	struct cmsghdr *c;

	if (recvmsg(fd, &m, flags) < 0)
		return false;
	for (c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		if (c->cmsg_type == XRPC_COOKIE)
			memcpy(&cookie, CMSG_DATA(c), sizeof(cookie));
		if (c->cmsg_type == XRPC_OUTCOME)
			memcpy(&res, CMSG_DATA(c), sizeof(res));
	}
	__atomic_add_fetch(&ended, 1, __ATOMIC_RELAXED);
	if (!cookie || cookie > WINDOW || !live[cookie - 1] ||
	    res.outcome > XRPC_UNKNOWN ||
	    (res.outcome == XRPC_REPLIED) != !res.error) {
		printf("# a result: cookie %llu, outcome %u, error %u\n",
		       (unsigned long long)cookie, res.outcome, res.error);
		__atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
	} else {
		live[cookie - 1] = false;
	}
	return true;
}

static void put_cmsg(struct msghdr *m, int type, const void *data, size_t len)
{
	struct cmsghdr *c = (void *)((char *)m->msg_control +
				     m->msg_controllen);

	c->cmsg_level = SOL_XRPC;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), data, len);
	m->msg_controllen += CMSG_SPACE(len);
}

/* Begins a call under a cookie, or gives one up. */
static void begin_call(int fd, uint64_t cookie, bool *live,
		       struct sockaddr_xrpc *to)
{
	static char data[XRPC_MSG_MAX];
	char ctl[512] = {};
	struct iovec v = { data, below(16) ? below(300) : below(20000) };
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1, .msg_control = ctl,
	};
	uint64_t us = slow * (100000 + below(1000000));
	uint32_t method = 1 + below(9);

	if (to && below(2)) {
		m.msg_name = to;
		m.msg_namelen = sizeof(*to);
	}
	if (live[cookie - 1]) {
		v.iov_len = 0;
		put_cmsg(&m, XRPC_CANCEL, &cookie, sizeof(cookie));
		sendmsg(fd, &m, MSG_DONTWAIT);
		return;
	}
	put_cmsg(&m, XRPC_COOKIE, &cookie, sizeof(cookie));
	put_cmsg(&m, XRPC_DEADLINE, &us, sizeof(us));
	if (below(2))
		put_cmsg(&m, XRPC_METHOD, &method, sizeof(method));
	if (!below(8))
		put_cmsg(&m, XRPC_REPLAYABLE, NULL, 0);
	if (!below(8))
		put_cmsg(&m, XRPC_ONEWAY, NULL, 0);
	if (sendmsg(fd, &m, MSG_DONTWAIT) >= 0) {
		live[cookie - 1] = true;
		__atomic_add_fetch(&begun, 1, __ATOMIC_RELAXED);
	} else {
		__atomic_add_fetch(&refused, 1, __ATOMIC_RELAXED);
	}
}

/* A client of many calls at once. */
static void *many(void *arg)
{
	struct sockaddr_xrpc to = at("127.0.0.1", LIAR_PORT + (long)arg % PORTS,
				     (long)arg);
	bool live[WINDOW] = {};
	uint64_t us = 100000;
	int fd, one = 1, i;

	fd = xrpc_socket();
	/* one of them takes packets from everywhere: it sent before */
	if (!(long)arg) {
		setsockopt(fd, SOL_XRPC, XRPC_DEFAULT_DEADLINE, &us,
			   sizeof(us));
		sendto(fd, "", 0, 0, (void *)&to, sizeof(to));
		recv(fd, &one, 0, 0);
	}
	connect(fd, (void *)&to, sizeof(to));
	setsockopt(fd, SOL_XRPC, XRPC_RECVINFO, &one, sizeof(one));
	fuzz_state = seed + 2000 + (long)arg;
	while (!stop_client) {
		struct pollfd pfd = { .fd = fd, .events = POLLIN };

		for (i = 0; i < 3; i++)
			begin_call(fd, 1 + below(WINDOW), live,
				   (long)arg ? NULL : &to);
		while (take_result(fd, live, MSG_DONTWAIT))
			;
		/* another peer now and then: the session is a new one */
		if (!below(200)) {
			to.sxr_service = below(50);
			connect(fd, (void *)&to, sizeof(to));
		}
		poll(&pfd, 1, 10 * slow);
	}
	/* all end by their deadlines; xrpc_socket() waits 20 s for each */
	for (i = 0; i < WINDOW; i++)
		while (live[i] && take_result(fd, live, 0))
			;
	close(fd);
	return NULL;
}

/* A client that waits for each call. */
static void *one_by_one(void *arg)
{
	static char req[XRPC_MSG_MAX];
	static __thread char rep[XRPC_MSG_MAX];
	struct xrpc_call_args c;
	int fd = (long)arg;

	fuzz_state = seed + 3000 + fd;
	while (!stop_client) {
		c = (struct xrpc_call_args){
			.req = (uintptr_t)req,
			.req_len = below(16) ? below(200) : below(sizeof(req)),
			.reply = (uintptr_t)rep,
			.reply_len = below(8) ? below(200) : sizeof(rep),
			.deadline = slow * (100000 + below(1000000)),
			.method = below(4),
		};
		__atomic_add_fetch(&begun, 1, __ATOMIC_RELAXED);
		ioctl(fd, XRPC_IOC_CALL, &c);
		__atomic_add_fetch(&ended, 1, __ATOMIC_RELAXED);
		if (c.outcome > XRPC_UNKNOWN)
			__atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* ---- the servers that lie -------------------------------------------- */

static struct liar {
	struct sockaddr_in addr;	/* of the client */
	unsigned int	port;
	uint64_t	id;		/* its */
	uint64_t	server;		/* ours */
	uint32_t	pn;
	uint32_t	peer_pn;
	struct {
		uint16_t chan;
		uint32_t seq;
		uint32_t total;		/* of a reply in pieces */
	} calls[16];
	unsigned int	ncalls;
} liars[64];

static unsigned int nliars;

static struct liar *liar_of(int i, const struct sockaddr_in *from, uint64_t id,
			    bool make)
{
	struct liar *l;
	unsigned int k;

	for (k = 0; k < nliars; k++)
		if (liars[k].id == id)
			return &liars[k];
	if (!make)
		return NULL;
	l = &liars[nliars < 64 ? nliars++ : below(64)];
	memset(l, 0, sizeof(*l));
	l->addr = *from;
	l->port = i;
	l->id = id;
	l->server = rnd();
	return l;
}

static void put_accept(struct liar *l)
{
	struct xrpc_accept *a = frame(XRPC_FT_ACCEPT, 0, sizeof(*a));

	if (!a)
		return;
	a->ack_delay = htobe32(below(4) ? 5000 : odd());
	xrpc_put64(a->server_id, l->server);
	xrpc_put64(a->epoch, 77);
	a->credit = htobe32(65536);
	a->msg_max = htobe32(65536);
	a->chans = htobe16(below(8) ? 20 + below(64) : odd());
}

static void put_token(uint8_t flags)
{
	struct xrpc_token_frame *t = frame(XRPC_FT_TOKEN, flags, sizeof(*t));

	xrpc_put64(t->epoch, below(4) ? 77 : below(3));
	t->token.w[0] = rnd();
	xrpc_put64(t->horizon, below(2) ? 3600000000ULL : odd());
}

static void put_status(uint16_t chan, uint32_t seq)
{
	static const uint8_t codes[] = { 1, 1, 2, 2, 0x10, 0x11, 0x12, 0x13,
					 0x14, 0x20, 0x21, 0x22, 0, 3, 0x1f,
					 0xff };
	struct xrpc_status *st = frame(XRPC_FT_STATUS, 0, sizeof(*st));

	if (!st)
		return;
	st->chan = htobe16(chan);
	st->code = codes[below(sizeof(codes))];
	st->seq = htobe32(seq);
}

static void put_some_lie(struct liar *l)
{
	unsigned int k = below(16);
	uint16_t chan = l->calls[k].chan;
	uint32_t seq = l->calls[k].seq, len = below(300);

	switch (below(16)) {
	case 0 ... 4:
		put_seg(chan, seq, 0, len, len,
			below(2) ? XRPC_DF_METHOD : 0);
		break;
	case 5 ... 7:
		if (!l->calls[k].total || !below(20))
			l->calls[k].total = 1 + below(below(4) ? 6000 :
						      XRPC_MSG_MAX);
		put_piece(chan, seq, l->calls[k].total);
		break;
	case 8:
	case 9:
		put_status(chan, seq);
		break;
	case 10:
	case 11:
		put_acks(l->peer_pn);
		break;
	case 12:
		put_accept(l);
		break;
	case 13:
		if (!below(40))
			frame(XRPC_FT_CLOSE, 0, sizeof(struct xrpc_close));
		break;
	case 14:
		frame(below(2) ? XRPC_FT_CREDIT : XRPC_FT_PAD, 0,
		      sizeof(struct xrpc_credit));
		break;
	default:
		put_ref(below(2) ? XRPC_FT_PROBE : XRPC_FT_CANCEL, chan, seq);
	}
}

/* One packet of a server to a client, or of one that claims to be it. */
static void some_lie(struct liar *l)
{
	unsigned int n = below(3) ? 1 : 1 + below(5);
	struct xrpc_nosession *f;
	struct xrpc_hdr *h;

	next_packet();
	if (!below(100)) {
		h = begin(0, 0, l->pn);
		f = frame(XRPC_FT_NOSESSION, 0, sizeof(*f));
		f->pn = htobe32(l->peer_pn - below(3));
		xrpc_put64(f->id, l->server);
		return;
	}
	h = begin(0, l->id, l->pn++);
	if (below(4)) {
		h->echo = htobe32(l->peer_pn - below(2));
		h->echo_delay = htobe32(below(8) ? below(5000) : odd());
	}
	if (!below(100)) {
		put_token(below(4));
		return;
	}
	if (!below(8))
		h->flags |= XRPC_HF_ACK_NOW;
	if (!below(400))
		l->pn += odd();
	while (n--)
		put_some_lie(l);
	if (p->len == sizeof(*h))
		frame(XRPC_FT_PAD, 0, 4);
}

/* What a server would say: else calls end for want of it, and nothing goes on. */
static void answer(int i, struct liar *l, uint16_t chan, uint32_t seq,
		   bool cancel)
{
	struct xrpc_status *st;
	uint32_t len = below(300);

	if (!l || !below(3))
		return;
	next_packet();
	begin(0, l->id, l->pn++);
	if (!below(4))
		put_accept(l);
	if (cancel) {
		st = frame(XRPC_FT_STATUS, 0, sizeof(*st));
		st->chan = htobe16(chan);
		st->code = XRPC_ST_CANCELED;
		st->seq = htobe32(seq);
	} else {
		put_seg(chan, seq, 0, len, len, 0);
	}
	done_packet(socks[i], &l->addr, 20);
}

/* A client's packet: note what it wants, and answer it well or badly. */
static void take_request(int i, const struct sockaddr_in *from,
			 const uint8_t *b, size_t len)
{
	const struct xrpc_hdr *h = (const void *)b;
	const struct xrpc_token_req *r;
	const struct xrpc_callref *ref;
	const struct xrpc_open *o;
	struct xrpc_cursor c;
	struct xrpc_seg seg;
	struct liar *l = NULL;
	unsigned int k;
	int more;

	for (k = 0; k < nliars; k++)
		if (liars[k].server == xrpc_get64(h->id))
			l = &liars[k];
	for (more = xrpc_wire_first(&c, b, len); more > 0;
	     more = xrpc_wire_next(&c)) {
		switch (c.type) {
		case XRPC_FT_TOKEN_REQ:
			r = (const void *)c.frame;
			l = liar_of(i, from, xrpc_get64(r->client_id), true);
			next_packet();
			begin(0, l->id, 0)->echo = h->pn;
			put_token(r->old_id[0] && below(2) ? XRPC_TF_ALIVE : 0);
			done_packet(socks[i], from, 20);
			break;
		case XRPC_FT_OPEN:
			o = (const void *)c.frame;
			l = liar_of(i, from, xrpc_get64(o->client_id), true);
			next_packet();
			begin(0, l->id, l->pn++);
			put_accept(l);
			done_packet(socks[i], from, 20);
			break;
		case XRPC_FT_DATA:
			if (!l || xrpc_wire_data(&c, &seg, XRPC_MSG_MAX))
				break;
			k = l->ncalls++ % 16;
			l->calls[k].chan = seg.chan;
			l->calls[k].seq = seg.seq;
			l->calls[k].total = 0;
			answer(i, l, seg.chan, seg.seq, false);
			break;
		case XRPC_FT_CANCEL:
			ref = (const void *)c.frame;
			answer(i, l, be16toh(ref->chan), be32toh(ref->seq),
			       true);
			break;
		}
	}
	if (!l)
		return;
	l->peer_pn = be32toh(h->pn);
	if (l->port != (unsigned int)i)
		return;
	for (k = below(6); k; k--) {
		some_lie(l);
		done_packet(socks[i], &l->addr, 40);
	}
}

static void fuzz_clients(unsigned long packets)
{
	unsigned long end = sent + packets;
	double begin_at = now();
	unsigned int i, k, n;

	while (sent < end && now() < begin_at + 400) {
		for (i = 0; i < PORTS; i++) {
			drain(i, take_request);
			/* and what nobody asked for */
			for (k = 0; k < nliars; k++) {
				if (liars[k].port != i)
					continue;
				for (n = below(6); n; n--) {
					some_lie(&liars[k]);
					done_packet(socks[i], &liars[k].addr,
						    40);
				}
			}
			if (nbatch)
				flush(socks[i]);
		}
		sched_yield();
	}
}

/* ---- the test -------------------------------------------------------- */

static const char * const must_move[] = {
	"DropMalformed", "DropVersion", "DropChecksum", "DropState",
	"DupPackets", "DupRequests", "NoSession", "TokenRetry", "TokensMinted",
	"SessionsOpened", "SessionsClosed", "CallsIn", "CallsAnswered",
	"Retrans", "LossDetected", "AcksOut", "Aborted", NULL
};

static const char * const must_move_client[] = {
	"CallsOut", "CallsReplied", "CallsNotExecuted", "CallsUnknown",
	"DupReplies", "Cancels", "Probes", "DropState", NULL
};

static long before[32];

static void note(const char * const *names)
{
	unsigned int i;

	for (i = 0; names[i]; i++)
		before[i] = counter(names[i]);
}

static void moved(const char * const *names)
{
	unsigned int i;
	long d;

	for (i = 0; names[i]; i++) {
		d = counter(names[i]) - before[i];
		ok(d > 0, "%s counted (%ld)", names[i], d);
	}
}

static void test_server(unsigned long packets)
{
	long was = counted(), got;
	unsigned long first = sent;
	double t = now(), took;
	pthread_t h;

	note(must_move);
	pthread_create(&h, NULL, honest, NULL);
	fuzz_server(packets);
	took = now() - t;
	stop_client = true;
	pthread_join(h, NULL);
	stop_client = false;
	got = counted() - was;
	printf("# %lu packets in %.1f s, %.0f a second; %lu back\n",
	       sent - first, took, (sent - first) / took, heard);
	ok(got >= (long)(sent - first) / 4 * 3,
	   "the packets at the server were counted (%ld)", got);
	ok(!malformed, "all it sent is well-formed (%lu is not)", malformed);
	moved(must_move);
	printf("# the honest client: %lu right, %lu failed\n", honest_good,
	       honest_lost);
	ok(honest_good && !honest_bad,
	   "an honest client got right replies (%lu were wrong)", honest_bad);
}

static void test_clients(unsigned long packets)
{
	long was = counted(), got;
	unsigned long first = sent;
	double t = now(), took;
	pthread_t h[7];
	int fd, i;

	heard = 0;
	note(must_move_client);
	open_sockets(LIAR_PORT);
	for (i = 0; i < 4; i++)
		pthread_create(&h[i], NULL, many, (void *)(long)i);
	fd = client_to(at("127.0.0.1", LIAR_PORT + 4, 1));
	for (; i < 7; i++)
		pthread_create(&h[i], NULL, one_by_one, (void *)(long)fd);
	fuzz_clients(packets);
	took = now() - t;
	stop_client = true;
	for (i = 0; i < 7; i++)
		pthread_join(h[i], NULL);
	close(fd);
	close_sockets();
	got = counted() - was;
	printf("# %lu packets in %.1f s, %.0f a second; %lu back\n",
	       sent - first, took, (sent - first) / took, heard);
	ok(got >= (long)(sent - first) / 4 * 3,
	   "the packets at the clients were counted (%ld)", got);
	ok(sent - first >= packets, "all of them were sent (%lu)",
	   sent - first);
	ok(!malformed, "all they sent is well-formed (%lu is not)", malformed);
	moved(must_move_client);
	printf("# %lu sends refused\n", refused);
	ok(begun == ended, "every call ended (%lu of %lu)", ended, begun);
	ok(begun > 100 && !wrong, "and each once (%lu did not)", wrong);
}

static bool back_to(const char *name, long most)
{
	long left = counter(name);
	int i;

	/* RCU and timers take their time */
	for (i = 0; i < 100 && left > most; i++) {
		usleep(100000);
		left = counter(name);
	}
	return ok(left <= most, "%s is what it was (%ld)", name, left);
}

int main(void)
{
	unsigned long packets = 1000000, good = 0;
	long pages = counter("MemPages");
	pthread_t t;
	int fd, i;

	tap_begin();
	if (getenv("XRPC_DIV"))
		slow = atoi(getenv("XRPC_DIV"));
	/* one that looks at everything is 20 times slower, not 10 */
	packets /= slow < 10 ? slow : 2 * slow;
	if (getenv("FUZZ_PACKETS"))
		packets = strtoul(getenv("FUZZ_PACKETS"), NULL, 0);
	if (getenv("FUZZ_SEED"))
		seed = strtoull(getenv("FUZZ_SEED"), NULL, 0);
	fuzz_state = seed;
	printf("# FUZZ_SEED=%llu FUZZ_PACKETS=%lu\n", (unsigned long long)seed,
	       packets);
	close(xrpc_socket());
	set_linger(0);
	pthread_create(&t, NULL, server, NULL);
	test_server(packets / 10 * 7);
	test_clients(packets / 10 * 3);

	while (restart)
		usleep(10000);
	fd = client_to(at("127.0.0.1", PORT, ECHO_SERVICE));
	for (i = 0; i < 200; i++)
		good += honest_call(fd, below(8) ? below(300) : below(30000),
				    20000000) == 1;
	ok(good == 200, "calls still work (%lu of 200)", good);
	close(fd);
	stop_server = true;
	pthread_join(t, NULL);
	back_to("Sessions", 0);
	back_to("KeptBytes", 0);
	back_to("MemPages", pages);
	return tap_end();
}
