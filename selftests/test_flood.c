// SPDX-License-Identifier: GPL-2.0
/*
 * xrpc-test: mode=smp kernels=6.1,6.12 threads=multi timeout=900
 *
 * Packets from anywhere, as fast as they can be sent: whoever is known goes on,
 * nothing of them is executed or remembered, memory keeps within bounds, and
 * those whose addresses were used get no more than is allowed.
 *
 *	namespace c             namespace s               namespace a
 *	+---------------+    +-----------------------+    +----------------+
 *	| vc 10.0.0.1   |====| vs 10.0.0.2  va2 .1.2 |====| va1 10.1.0.1   |
 *	+---------------+    |    default via va1    |    |  any address   |
 *	                     +-----------------------+    +----------------+
 */
#include "rawip.h"

#include <linux/if_arp.h>
#include <net/ethernet.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define PORT	7000
#define BATCH	64

/* What the processes tell each other. */
static struct shared {
	atomic_uint calls[2], failed[2], opened, ran, strange;
	atomic_bool stop;
} *shared;

static pid_t pids[3];

static void network(void)
{
	run("set -e; for n in c s a; do ip netns add $n; ip -n $n link set lo up;"
	    " ip netns exec $n sysctl -qw net.ipv6.conf.all.accept_dad=0"
	    " net.ipv6.conf.default.accept_dad=0"
	    " net.ipv6.conf.default.router_solicitations=0; done;"
	    "ip link add vc netns c type veth peer name vs netns s;"
	    "ip link add va1 netns a type veth peer name va2 netns s;"
	    "ip -n c addr add 10.0.0.1/24 dev vc;"
	    "ip -n s addr add 10.0.0.2/24 dev vs;"
	    "ip -n s addr add 10.1.0.2/24 dev va2;"
	    "ip -n s addr add fd02::2/64 dev va2 nodad;"
	    "ip -n c link set vc up; ip -n s link set vs up;"
	    "ip -n a link set va1 up; ip -n s link set va2 up;"
	    "mac=$(ip netns exec a cat /sys/class/net/va1/address);"
	    "ip -n s neigh replace 10.1.0.1 lladdr $mac dev va2;"
	    "ip -n s neigh replace fd02::1 lladdr $mac dev va2;"
	    "ip -n s route add default via 10.1.0.1;"
	    "ip -n s route add default via fd02::1;"
	    "ip netns exec s sysctl -qw net.ipv4.conf.all.rp_filter=0"
	    " net.ipv4.conf.va2.rp_filter=0");
	/* what IPv6 sends when a link comes up */
	sleep(2);
}

/* ---- those who are known --------------------------------------------- */

static _Noreturn void serve(void)
{
	static char b[4096];
	struct sockaddr_xrpc any = { .sxr_family = AF_XRPC,
				     .sxr_port = htons(PORT) };
	struct xrpc_serve_args a = { .req = (uintptr_t)b,
				     .reply = (uintptr_t)b };
	int fd;

	ns_enter("s");
	fd = server_at(any);
	for (;;) {
		a.req_len = sizeof(b);
		a.flags = 0;
		if (ioctl(fd, XRPC_IOC_SERVE, &a)) {
			a.call = 0;
			continue;
		}
		if (a.req_len == 100 && b[0] == 'k')
			shared->ran++;
		else
			shared->strange++;
		a.reply_len = a.req_len;
	}
}

static bool call(int fd)
{
	char req[100] = "k", reply[100] = "";
	struct xrpc_call_args a = { .req = (uintptr_t)req, .req_len = 100,
				    .reply = (uintptr_t)reply,
				    .reply_len = 100 };

	if (ioctl(fd, XRPC_IOC_CALL, &a)) {
		printf("# a call: %s, outcome %u\n", strerror(errno),
		       a.outcome);
		return false;
	}
	return a.reply_len == 100 && !memcmp(req, reply, 100);
}

/* One that has a session, or one that opens it anew for each call. */
static _Noreturn void client(int nr)
{
	int fd;

	ns_enter("c");
	fd = client_to(at("10.0.0.2", PORT, 0));
	while (!shared->stop) {
		if (nr) {
			close(fd);
			fd = client_to(at("10.0.0.2", PORT, 0));
		}
		if (!call(fd))
			shared->failed[nr]++;
		if (nr)
			shared->opened++;
		shared->calls[nr]++;
		/* where a call takes long, there is time for others as well */
		usleep((nr ? 5000 : 1000) * (100 / scaled(100)));
	}
	close(fd);
	_exit(0);
}

static void start(void)
{
	int i;

	fflush(stdout);
	for (i = 0; i < 3; i++) {
		pids[i] = fork();
		if (pids[i])
			continue;
		if (i)
			client(i - 1);
		serve();
	}
}

/* ---- those who are not ----------------------------------------------- */

enum kind {
	TOKEN_REQUEST,
	FORGED_TOKEN,
	NO_TOKEN,
	GUESSED_ID,
	CRUMBS,
	KINDS,
};

/* How many times its bytes a packet may be answered by. */
static const struct {
	const char *name;
	int times;
} kinds[KINDS] = {
	[TOKEN_REQUEST] = { "token requests", 1 },
	[FORGED_TOKEN]	= { "openings with forged tokens", 3 },
	[NO_TOKEN]	= { "openings without token", 3 },
	[GUESSED_ID]	= { "packets to guessed ids", 1 },
	[CRUMBS]	= { "packets as short as can be", 1 },
};

static uint64_t rnd(void)
{
	static uint64_t s = 42;
	uint64_t z = s += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

static void *frame(unsigned char **at, uint8_t type, uint8_t flags, int len)
{
	struct xrpc_fhdr *f = (void *)*at;

	f->type = type;
	f->flags = flags;
	f->len = htobe16(len);
	*at += (len + 3) & ~3;
	return f;
}

static void put_data(unsigned char **at, uint8_t flags)
{
	struct xrpc_data *d = frame(at, XRPC_FT_DATA, XRPC_DF_EOM |
				    XRPC_DF_EOH | flags, sizeof(*d) + 40);

	d->seq = htobe32(1 + rnd() % 4);
	d->chan = htobe16(rnd() % 64);
	memset(d + 1, 's', 40);
}

static void put_open(unsigned char **at, bool token)
{
	struct xrpc_open *o = frame(at, XRPC_FT_OPEN,
				    token ? 0 : XRPC_OF_NO_TOKEN, sizeof(*o));
	int i;

	xrpc_put64(o->client_id, rnd() | 1);
	for (i = 0; token && i < 4; i++)
		o->token.w[i] = htobe32(rnd());
	if (token)
		xrpc_put64(o->epoch, rnd());
	o->credit = htobe32(65536);
	o->ack_delay = htobe32(10000);
}

/* A packet of a kind from a place nobody can know. */
static void spoof(struct ip_packet *p, enum kind kind, bool v4)
{
	struct xrpc_token_req *r;
	unsigned char *at, *src;
	struct xrpc_hdr *h;

	h = pkt_begin(p, v4, v4 ? "10.1.0.1" : "2001:db8::", rnd() | 1,
		      v4 ? "10.1.0.2" : "fd02::2", PORT);
	src = pkt_addr(p, true);
	if (v4) {
		src[0] = 11 + rnd() % 100;
		src[1] = rnd();
		src[2] = rnd();
		src[3] = rnd();
	} else {
		uint64_t r1 = rnd(), r2 = rnd();

		memcpy(src + 4, &r1, 8);
		memcpy(src + 12, &r2, 4);
	}
	h->vfk = XRPC_WIRE_VERSION;
	h->pn = htobe32(rnd() % 100);
	h->echo_delay = htobe32(XRPC_ECHO_NONE);
	at = (void *)(h + 1);
	switch (kind) {
	case TOKEN_REQUEST:
		r = frame(&at, XRPC_FT_TOKEN_REQ, 0, sizeof(*r));
		xrpc_put64(r->client_id, rnd() | 1);
		if (rnd() & 1) {
			xrpc_put64(r->old_id, rnd());
			xrpc_put64(r->old_epoch, rnd());
		}
		frame(&at, XRPC_FT_PAD, 0, 8);
		break;
	case FORGED_TOKEN:
	case NO_TOKEN:
		h->flags = XRPC_HF_OPENING;
		put_open(&at, kind == FORGED_TOKEN);
		put_data(&at, rnd() & 1 ? XRPC_DF_REPLAYABLE : 0);
		break;
	case GUESSED_ID:
		xrpc_put64(h->id, rnd());
		put_data(&at, 0);
		break;
	default:
		xrpc_put64(h->id, rnd() % 3 ? rnd() : 0);
		frame(&at, rnd() & 1 ? XRPC_FT_PAD : XRPC_FT_DONE, 0, 4);
	}
	p->len = at - p->b;
	pkt_finish(p);
}

struct traffic {
	uint64_t out, out_bytes, in, in_bytes;
};

static struct traffic traffic(void)
{
	static const char *const names[] = {
		"tx_packets", "tx_bytes", "rx_packets", "rx_bytes",
	};
	uint64_t v[4];
	char path[100];
	int i;

	/* sysfs shows the devices of the namespace that mounted it */
	for (i = 0; i < 4; i++) {
		FILE *f;

		snprintf(path, sizeof(path),
			 "ip netns exec a cat /sys/class/net/va1/statistics/%s",
			 names[i]);
		f = popen(path, "r");
		if (!f || fscanf(f, "%lu", &v[i]) != 1)
			v[i] = 0;
		if (f)
			pclose(f);
	}
	return (struct traffic){ v[0], v[1], v[2], v[3] };
}

/* A line's number in a file of /proc. */
static long line_of(const char *file, const char *name, int field)
{
	char line[512];
	long v = 0;
	FILE *f = fopen(file, "r");

	while (f && fgets(line, sizeof(line), f)) {
		char *p = line;
		int i;

		if (strncmp(line, name, strlen(name)))
			continue;
		for (i = 0; p && i < field; i++) {
			p = strchr(p, ' ');
			p += p ? strspn(p, " ") : 0;
		}
		v = p ? atol(p) : 0;
		break;
	}
	if (f)
		fclose(f);
	return v;
}

/* Objects of a cache, those of others it was merged with among them. */
static long objects(const char *cache)
{
	char path[100];
	long n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/kernel/slab/%s/objects", cache);
	f = fopen(path, "r");
	if (f) {
		if (fscanf(f, "%ld", &n) != 1)
			n = 0;
		fclose(f);
	}
	return n;
}

/* The most of each seen. */
static struct use {
	long sessions, kept, peers, pages, slab, objects;
} most;

static struct use use(void)
{
	struct use u = {
		.sessions = ns_counter("s", "Sessions"),
		.kept = ns_counter("s", "KeptBytes"),
		.peers = ns_counter("s", "Peers"),
		.pages = ns_counter("s", "MemPages"),
		.slab = line_of("/proc/meminfo", "SUnreclaim:", 1),
		.objects = objects("xrpc_session") + objects("xrpc_call"),
	};

#define more(f) (most.f = u.f > most.f ? u.f : most.f)
	more(sessions);
	more(kept);
	more(peers);
	more(pages);
	more(slab);
	more(objects);
	return u;
}

static int wire;
static struct sockaddr_ll to;

static void flood(enum kind kind, bool v4, int n)
{
	static struct ip_packet p[BATCH];
	struct mmsghdr m[BATCH] = {};
	struct iovec iov[BATCH];
	struct traffic before = traffic(), after;
	uint64_t in = ns_counter("s", "PktsIn");
	uint64_t begun = ms_now(), ms;
	int over = 14 + 8 + (v4 ? 20 : 40), i, k, failed = 0;

	ns_enter("a");
	to.sll_protocol = htons(v4 ? ETH_P_IP : ETH_P_IPV6);
	for (i = 0; i < n; i += BATCH) {
		for (k = 0; k < BATCH; k++) {
			spoof(&p[k], kind, v4);
			iov[k] = (struct iovec){ p[k].b, p[k].len };
			m[k].msg_hdr.msg_iov = &iov[k];
			m[k].msg_hdr.msg_iovlen = 1;
			m[k].msg_hdr.msg_name = &to;
			m[k].msg_hdr.msg_namelen = sizeof(to);
		}
		failed += sendmmsg(wire, m, BATCH, 0) != BATCH;
		if (i / BATCH % 32 == 0) {
			use();
			ns_enter("a");
		}
	}
	ms = ms_now() - begun;
	usleep(200000);
	after = traffic();
	in = ns_counter("s", "PktsIn") - in;
	after.out -= before.out;
	after.in -= before.in;
	after.out_bytes -= before.out_bytes + after.out * over;
	after.in_bytes -= before.in_bytes + after.in * over;
	printf("# %lu packets in %lu ms, %lu bytes; %lu taken in all; answered %lu, %lu bytes\n",
	       after.out, ms, after.out_bytes, in, after.in, after.in_bytes);
	ok(!failed && after.out >= (uint64_t)n && in >= after.out / 2 &&
	   after.in <= after.out &&
	   after.in_bytes <= kinds[kind].times * after.out_bytes,
	   "%s over IPv%d are answered by at most %d times their bytes",
	   kinds[kind].name, v4 ? 4 : 6, kinds[kind].times);
}

static bool settled(const struct use *was)
{
	struct use u = {};
	int i;

	for (i = 0; i < 100; i++) {
		u = use();
		if (u.kept <= was->kept && u.slab < was->slab + 8192)
			return true;
		usleep(100000);
	}
	printf("# kept %ld, was %ld; slabs %ld kB, were %ld\n", u.kept,
	       was->kept, u.slab, was->slab);
	return false;
}

int main(void)
{
	unsigned int calls[2], n = scaled(100000) / (2 * KINDS);
	uint64_t sessions_opened;
	struct use base, end;
	int i;

	tap_begin();
	close(xrpc_socket());
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	network();
	ns_enter("a");
	/* of no protocol: it only sends */
	wire = socket(AF_PACKET, SOCK_DGRAM, 0);
	to = (struct sockaddr_ll){
		.sll_family = AF_PACKET,
		.sll_ifindex = if_nametoindex("va1"),
		.sll_halen = 6,
	};
	{
		FILE *f = popen("ip netns exec s cat /sys/class/net/va2/address",
				"r");
		unsigned int mac[6];

		if (fscanf(f, "%x:%x:%x:%x:%x:%x", mac, mac + 1, mac + 2,
			   mac + 3, mac + 4, mac + 5) != 6)
			return 1;
		for (i = 0; i < 6; i++)
			to.sll_addr[i] = mac[i];
		pclose(f);
	}
	start();
	for (i = 0; i < 200 && (shared->calls[0] < 20 || shared->calls[1] < 5);
	     i++)
		usleep(100000);
	ok(shared->calls[0] >= 20 && shared->calls[1] >= 5, "two clients call");
	base = use();
	most = base;
	sessions_opened = ns_counter("s", "SessionsOpened") - shared->opened;
	calls[0] = shared->calls[0];
	calls[1] = shared->calls[1];
	for (i = 0; i < 2 * KINDS; i++)
		flood(i / 2, i & 1, n);
	use();
	calls[0] = shared->calls[0] - calls[0];
	calls[1] = shared->calls[1] - calls[1];
	sleep(1);
	shared->stop = true;
	waitpid(pids[1], NULL, 0);
	waitpid(pids[2], NULL, 0);
	end = use();
	printf("# %u calls in one session, %u each in its own, while it lasted\n",
	       calls[0], calls[1]);
	ok(calls[0] && calls[1] && !shared->failed[0] && !shared->failed[1],
	   "all their calls are replied to (%u and %u not)", shared->failed[0],
	   shared->failed[1]);
	ok(shared->ran == shared->calls[0] + shared->calls[1] &&
	   !shared->strange, "the server runs those and nothing else (%u)",
	   shared->strange);
	ok(ns_counter("s", "SessionsOpened") - shared->opened <=
	   sessions_opened + 1, "no session was opened by the others");
	ok(end.sessions <= base.sessions + (long)shared->opened + 1,
	   "nor is any of them remembered (%ld, %ld at first, %u opened)",
	   end.sessions, base.sessions, shared->opened);
	printf("# most: %ld bytes kept, %ld peers, %ld pages, %ld objects, %ld kB of slabs (%ld at first)\n",
	       most.kept, most.peers, most.pages, most.objects, most.slab,
	       base.slab);
	ok(most.kept <= 64 * 1024 && most.peers <= base.peers &&
	   most.pages <= base.pages + 1024,
	   "what the module keeps stays small");
	if (base.objects)
		ok(most.objects <= base.objects + (long)shared->opened + 500,
		   "and so do its caches");
	else
		ok(true, "and so do its caches # SKIP the kernel tells nothing");
	ok(most.slab <= base.slab + 32 * 1024,
	   "and the kernel's, as the flood passes");
	ok(settled(&base), "after it all is as it was");
	kill(pids[0], SIGKILL);
	waitpid(pids[0], NULL, 0);
	return tap_end();
}
