// SPDX-License-Identifier: GPL-2.0
/*
 * xrpc-test: mode=icount kernels=6.1,6.12,debug timeout=300
 *
 * Addresses, and the ways packets take: families, interfaces, namespaces, what
 * is refused, and the socket's marks that decide a route.
 *
 *	namespace of the test              namespace peer
 *	+-----------------+                +-----------------+
 *	| va 10.7.0.1/24  |================| vp 10.7.0.2/24  |
 *	|    fe80::1/64   |      veth      |    fe80::2/64   |
 *	| vb 10.8.0.1/24  |================| vq 10.8.0.2/24  |
 *	+-----------------+                +-----------------+
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include "infos.h"
#include "wire.h"

#define PORT	4600

static int home, peer;		/* the two namespaces */

static bool sh(const char *command)
{
	return !system(command);
}

static void enter(int ns)
{
	if (setns(ns, CLONE_NEWNET)) {
		printf("Bail out! setns: %s\n", strerror(errno));
		exit(1);
	}
}

static bool topology(void)
{
	if (unshare(CLONE_NEWNET))
		return false;
	home = open("/proc/self/ns/net", O_RDONLY);
	if (unshare(CLONE_NEWNET))
		return false;
	peer = open("/proc/self/ns/net", O_RDONLY);
	enter(home);
	return true;
}

static bool links(void)
{
	char cmd[600];

	/* the namespace is known by a descriptor only */
	snprintf(cmd, sizeof(cmd),
		 "n=/proc/%d/fd/%d;"
		 "ip link set lo up &&"
		 "ip link add va type veth peer name vp &&"
		 "ip link add vb type veth peer name vq &&"
		 "ip link set vp netns $n && ip link set vq netns $n &&"
		 "ip addr add 10.7.0.1/24 broadcast + dev va &&"
		 "ip addr add 10.8.0.1/24 broadcast + dev vb &&"
		 "ip addr add fe80::1/64 dev va nodad &&"
		 "sysctl -qw net.xrpc.linger_ms=0 &&"
		 "ip link set va up && ip link set vb up",
		 getpid(), peer);
	if (!sh(cmd))
		return false;
	enter(peer);
	/* a port is free again when its socket is closed */
	if (!sh("ip link set lo up && sysctl -qw net.xrpc.linger_ms=0 &&"
		"ip addr add 10.7.0.2/24 broadcast + dev vp &&"
		"ip addr add 10.8.0.2/24 broadcast + dev vq &&"
		"ip addr add fe80::2/64 dev vp nodad &&"
		"ip link set vp up && ip link set vq up"))
		return false;
	enter(home);
	sleep(2);
	return true;
}

static int socket_in(int ns)
{
	int fd;

	enter(ns);
	fd = xrpc_socket();
	enter(home);
	return fd;
}

static bool bind_to(int fd, struct sockaddr_xrpc a)
{
	return !bind(fd, (void *)&a, sizeof(a));
}

static ssize_t send_to(int fd, struct sockaddr_xrpc a)
{
	return sendto(fd, "x", 1, 0, (void *)&a, sizeof(a));
}

static void deadline(int fd, uint64_t us)
{
	setsockopt(fd, SOL_XRPC, XRPC_DEFAULT_DEADLINE, &us, sizeof(us));
}

/* A whole call from @c to @s at @a; @from receives its source. */
static bool call(int c, int s, struct sockaddr_xrpc a,
		 struct sockaddr_xrpc *from)
{
	char buf[8];

	return send_to(c, a) == 1 && ready(s, POLLIN, 2000) &&
	       get_request(s, buf, sizeof(buf), from) == 1 &&
	       give_answer(s, "re", 2, from) == 2 &&
	       recv(c, buf, sizeof(buf), 0) == 2;
}

static struct sockaddr_xrpc name(int fd)
{
	struct sockaddr_xrpc a = {};
	socklen_t len = sizeof(a);

	getsockname(fd, (void *)&a, &len);
	return a;
}

/* ---- families -------------------------------------------------------- */

static void test_families(void)
{
	int s = server_at(at("::", PORT, 0)), c = xrpc_socket(), d, t;
	struct sockaddr_xrpc from, want;

	ok(call(c, s, at("127.0.0.1", PORT, 0), &from), ":: receives IPv4");
	want = at("127.0.0.1", 0, 0);
	ok(!memcmp(&from.sxr_addr, &want.sxr_addr, 16) && !from.sxr_scope_id &&
	   from.sxr_port == name(c).sxr_port, "from a mapped address");
	d = xrpc_socket();
	ok(call(d, s, at("::1", PORT, 0), &from), ":: receives IPv6");
	ok(call(d, s, at("127.0.0.1", PORT, 0), &from),
	   "an IPv6 client calls IPv4 as well");
	ok(call(c, s, at("::1", PORT, 0), &from) &&
	   call(c, s, at("127.0.0.1", PORT, 0), &from),
	   "one that called IPv4 first calls IPv6, and IPv4 again");
	t = xrpc_socket();
	ok(bind_to(t, at("127.0.0.1", 0, 0)), "one bound to an IPv4 address");
	fails(send_to(t, at("::1", PORT, 0)), EAFNOSUPPORT,
	      "does not call IPv6");
	close(t);
	close(c);
	c = xrpc_socket();
	ok(call(c, s, at("0.0.0.0", PORT, 0), &from),
	   "no address in particular is this host");
	close(c);
	c = xrpc_socket();
	ok(call(c, s, at("::", PORT, 0), &from), "also of IPv6");
	t = xrpc_socket();
	ok(!bind_to(t, at("0.0.0.0", PORT, 0)) && errno == EADDRINUSE,
	   "IPv4's own at the same port: in use");
	close(t);
	close(s);
	close(c);
	close(d);

	s = server_at(at("0.0.0.0", PORT + 1, 0));
	c = xrpc_socket();
	d = xrpc_socket();
	deadline(d, 300000);
	ok(call(c, s, at("127.0.0.1", PORT + 1, 0), &from),
	   "::ffff:0.0.0.0 receives IPv4");
	send_to(d, at("::1", PORT + 1, 0));
	ok(recv(d, &from, 1, 0) == -1 && errno == ETIME && !ready(s, POLLIN, 0),
	   "and no IPv6");
	t = server_at(at("::1", PORT + 1, 0));
	close(d);
	d = xrpc_socket();
	ok(call(d, t, at("::1", PORT + 1, 0), &from),
	   "an IPv6 address has the same port for its own");
	close(c);
	close(d);
	close(s);
	close(t);

	sh("sysctl -qw net.ipv6.bindv6only=1");
	s = server_at(at("::", PORT + 2, 0));
	c = xrpc_socket();
	ok(call(c, s, at("127.0.0.1", PORT + 2, 0), &from),
	   ":: receives IPv4, whatever net.ipv6.bindv6only says");
	sh("sysctl -qw net.ipv6.bindv6only=0");
	close(c);
	close(s);
}

/* A connected socket's packets come from its peer alone, until it calls another. */
static void test_elsewhere(const char *first, const char *second,
			   const char *dev)
{
	int s = server_at(at("::", PORT, 0)), c = xrpc_socket();
	struct sockaddr_xrpc from, peer = at(first, PORT, 0);
	char cmd[100];

	if (dev)
		setsockopt(c, SOL_SOCKET, SO_BINDTODEVICE, dev, strlen(dev));
	ok(!connect(c, (void *)&peer, sizeof(peer)) &&
	   call(c, s, peer, &from) && call(c, s, peer, &from),
	   "%s is called by one connected to it%s%s", first,
	   dev ? " and bound to " : "", dev ? : "");
	ok(call(c, s, at(second, PORT, 0), &from) && call(c, s, peer, &from) &&
	   call(c, s, at(second, PORT, 0), &from),
	   "then %s and both in turn", second);
	if (dev) {
		snprintf(cmd, sizeof(cmd), "ss -uan | grep -q '%%%s:%d '", dev,
			 ntohs(name(c).sxr_port));
		ok(sh(cmd), "it stays bound to %s", dev);
	}
	close(s);
	close(c);
}

static void test_connected(void)
{
	sh("ip addr add fd00::77/128 dev lo nodad");
	test_elsewhere("127.0.0.1", "127.0.0.2", NULL);
	test_elsewhere("127.0.0.1", "::1", NULL);
	test_elsewhere("::1", "fd00::77", NULL);
	test_elsewhere("::1", "127.0.0.1", NULL);
	test_elsewhere("127.0.0.1", "127.0.0.2", "lo");
	sh("ip addr del fd00::77/128 dev lo");
}

static void test_refused(void)
{
	static const char *const bad[] = { "224.0.0.1", "239.255.255.255",
					   "255.255.255.255", "ff02::1",
					   "ff0e::1", "10.7.0.255" };
	struct xrpc_call_args a = { .addr_len = sizeof(struct sockaddr_xrpc) };
	struct sockaddr_xrpc to;
	unsigned int i;
	int fd;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		to = at(bad[i], PORT, 0);
		fd = xrpc_socket();
		fails(bind(fd, (void *)&to, sizeof(to)), EINVAL,
		      "%s: no bind", bad[i]);
		fails(send_to(fd, to), EINVAL, "%s: no call", bad[i]);
		a.addr = (uintptr_t)&to;
		fails(ioctl(fd, XRPC_IOC_CALL, &a), EINVAL,
		      "%s: no call by ioctl", bad[i]);
		ok((connect(fd, (void *)&to, sizeof(to)) == -1 ||
		    send(fd, "x", 1, 0) == -1) && errno == EINVAL,
		   "%s: none by connect", bad[i]);
		close(fd);
	}
	fd = xrpc_socket();
	fails(send_to(fd, at("127.0.0.1", 0, 0)), EINVAL, "port 0: no call");
	to = at("127.0.0.1", 0, 0);
	fails(connect(fd, (void *)&to, sizeof(to)), EINVAL,
	      "port 0: no connect");
	to = at("127.0.0.1", PORT, 0);
	to.sxr_call = 1;
	fails(connect(fd, (void *)&to, sizeof(to)), EINVAL,
	      "a handle: no connect");
	fails(send_to(fd, to), EINVAL, "a handle of nobody: no answer");
	fails(send_to(fd, at("10.9.9.9", PORT, 0)), EHOSTUNREACH,
	      "no route: no call");
	close(fd);
	fd = xrpc_socket();
	ok(!bind_to(fd, at("203.0.113.7", PORT, 5)) &&
	   bind_to(fd, at("127.0.0.1", PORT, 0)) && !name(fd).sxr_service,
	   "nothing is left of a bind that failed");
	close(fd);
}

/* Anybody may send to a multicast address; nobody answers from one. */
static void test_multicast(void)
{
	struct sockaddr_in6 to = { .sin6_family = AF_INET6,
				   .sin6_port = htons(PORT),
				   .sin6_scope_id = if_nametoindex("va") };
	struct {
		struct xrpc_hdr h;
		struct xrpc_token_req r;
		struct xrpc_fhdr pad;
		char zero[4];
	} p = {};
	int s, u, on = 1;
	char buf[200];

	enter(peer);
	s = server_at(at("::", PORT, 0));
	enter(home);
	u = socket(AF_INET6, SOCK_DGRAM, 0);
	p.h.vfk = XRPC_WIRE_VERSION;
	p.h.echo_delay = htobe32(XRPC_ECHO_NONE);
	p.r.h.type = XRPC_FT_TOKEN_REQ;
	p.r.h.len = htobe16(sizeof(p.r));
	xrpc_put64(p.r.client_id, 5);
	p.pad.type = XRPC_FT_PAD;
	p.pad.len = htobe16(8);
	inet_pton(AF_INET6, "fe80::2", &to.sin6_addr);
	sendto(u, &p, sizeof(p), 0, (void *)&to, sizeof(to));
	ok(ready(u, POLLIN, 1000) && recv(u, buf, sizeof(buf), 0) > 0,
	   "a question to an address is answered");
	inet_pton(AF_INET6, "ff02::1", &to.sin6_addr);
	sendto(u, &p, sizeof(p), 0, (void *)&to, sizeof(to));
	ok(!ready(u, POLLIN, 300), "one to a multicast address is not");
	close(u);
	u = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in bc = { .sin_family = AF_INET,
				  .sin_port = htons(PORT) };

	setsockopt(u, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on));
	inet_pton(AF_INET, "10.7.0.255", &bc.sin_addr);
	sendto(u, &p, sizeof(p), 0, (void *)&bc, sizeof(bc));
	ok(!ready(u, POLLIN, 300), "nor one to a broadcast address");
	close(u);
	close(s);
}

/* ---- interfaces ------------------------------------------------------ */

static void test_link_local(void)
{
	struct sockaddr_xrpc a = at("fe80::2", PORT, 0), from;
	struct sockaddr_xrpc there = at("fe80::2", PORT, 0);
	int s = socket_in(peer), c = xrpc_socket();
	unsigned int va = if_nametoindex("va");

	enter(peer);
	there.sxr_scope_id = if_nametoindex("vp");
	enter(home);
	fails(bind(s, (void *)&a, sizeof(a)), EINVAL,
	      "link-local: no bind without a scope");
	a.sxr_scope_id = 999;
	ok(bind(s, (void *)&a, sizeof(a)) == -1 &&
	   (errno == ENODEV || errno == EADDRNOTAVAIL),
	   "link-local: nor with one that is not there");
	ok(bind_to(s, there), "link-local: bound");
	a.sxr_scope_id = 0;
	fails(send_to(c, a), EINVAL, "link-local: no call without a scope");
	a.sxr_scope_id = va;
	ok(call(c, s, a, &from), "link-local: a call");
	ok(from.sxr_scope_id == there.sxr_scope_id &&
	   from.sxr_addr.s6_addr[0] == 0xfe, "its source has the scope");
	send_to(c, a);
	get_request(s, (char[8]){}, 8, &from);
	from.sxr_scope_id++;
	fails(give_answer(s, "x", 1, &from), EINVAL,
	      "link-local: an altered scope");
	from.sxr_scope_id--;
	ok(give_answer(s, "x", 1, &from) == 1, "and the right one");
	close(c);

	c = xrpc_socket();
	setsockopt(c, SOL_SOCKET, SO_BINDTODEVICE, "vb", 2);
	fails(send_to(c, a), EINVAL,
	      "link-local: a scope that is not the socket's device");
	a = at("fe80::1", PORT, 0);
	a.sxr_scope_id = va;
	fails(bind(c, (void *)&a, sizeof(a)), EINVAL,
	      "link-local: nor to bind to");
	close(c);
	close(s);
}

static bool device(int fd, const char *dev)
{
	return !setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, dev, strlen(dev));
}

static void test_devices(void)
{
	int c7 = xrpc_socket(), c8 = xrpc_socket(), s7, s8, s;
	struct sockaddr_xrpc from, a = at("10.7.0.2", PORT, 0);
	struct sockaddr_xrpc b = at("10.8.0.2", PORT, 0);

	deadline(c7, 300000);
	deadline(c8, 300000);
	s7 = socket_in(peer);
	s8 = socket_in(peer);
	ok(device(s7, "vp") && bind_to(s7, at("::", PORT, 0)) &&
	   device(s8, "vq") && bind_to(s8, at("::", PORT, 0)),
	   "two devices have the same port");
	ok(call(c7, s7, a, &from) && call(c8, s8, b, &from) &&
	   call(c7, s8, b, &from), "calls go to the socket of their device");
	close(s8);
	close(c8);
	c8 = xrpc_socket();
	deadline(c8, 300000);
	send_to(c8, b);
	ok(recv(c8, &from, 1, 0) == -1 && !ready(s7, POLLIN, 0),
	   "a socket gets nothing from another device");
	close(s7);

	s = socket_in(peer);
	ok(bind_to(s, at("::", PORT + 2, 0)) && device(s, "vp"),
	   "a device after bind");
	a.sxr_port = htons(PORT + 2);
	b.sxr_port = htons(PORT + 2);
	ok(call(c7, s, a, &from), "calls from there come");
	close(c8);
	c8 = xrpc_socket();
	deadline(c8, 300000);
	send_to(c8, b);
	ok(recv(c8, &from, 1, 0) == -1 && !ready(s, POLLIN, 0),
	   "those from another do not");
	close(c8);
	c8 = xrpc_socket();
	ok(device(s, "") && call(c8, s, b, &from), "without it they come");

	/* a client's device decides its route */
	close(c8);
	c8 = xrpc_socket();
	deadline(c8, 300000);
	ok(device(c8, "lo") && send_to(c8, a) == 1 && !ready(s, POLLIN, 500) &&
	   recv(c8, &from, 1, 0) == -1 &&
	   (errno == ETIME || errno == ETIMEDOUT),
	   "a client on the loopback device sends nothing past it");
	close(s);
	close(c8);
	close(c7);
}

/* ---- namespaces ------------------------------------------------------ */

static void test_namespaces(void)
{
	int s = server_at(at("0.0.0.0", PORT + 3, 0)), p = socket_in(peer), c;
	struct sockaddr_xrpc from;

	/* bound from here, but it is the peer's */
	ok(bind_to(p, at("0.0.0.0", PORT + 3, 0)),
	   "one port in two namespaces");
	c = xrpc_socket();
	ok(call(c, s, at("127.0.0.1", PORT + 3, 0), &from) &&
	   call(c, p, at("10.7.0.2", PORT + 3, 0), &from),
	   "each has its own");
	enter(peer);
	ok(call(c, p, at("10.7.0.2", PORT + 3, 0), &from) &&
	   call(c, s, at("127.0.0.1", PORT + 3, 0), &from),
	   "a socket keeps its namespace");
	enter(home);
	close(c);
	close(p);
	close(s);
}

/* ---- users ----------------------------------------------------------- */

/* As another user: 0, or the number of what went wrong. */
static int other_user(void)
{
	int fd;

	if (setgid(1000) || setuid(1000))
		return 1;
	fd = xrpc_socket();
	if (bind_to(fd, at("127.0.0.1", PORT, 1)) || errno != EACCES)
		return 2;
	if (bind_to(fd, at("127.0.0.1", 99, 0)) || errno != EACCES)
		return 3;
	if (!bind_to(fd, at("127.0.0.1", 100, 0)))
		return 4;
	close(fd);
	fd = xrpc_socket();
	if (send_to(fd, at("10.9.9.9", PORT, 0)) != 1)
		return 5;
	return 0;
}

static void test_users(void)
{
	int s = server_at(at("127.0.0.1", PORT, 0)), st = -1, low;
	pid_t pid;

	if (!sh("sysctl -qw net.ipv4.ip_unprivileged_port_start=100 &&"
		"ip rule add uidrange 1000-1000 lookup 100 &&"
		"ip route add 10.9.9.0/24 via 10.7.0.2 table 100"))
		printf("# no rules for users\n");
	low = xrpc_socket();
	ok(bind_to(low, at("127.0.0.1", 99, 0)), "root has low ports");
	close(low);
	pid = fork();
	if (!pid)
		_exit(other_user());
	waitpid(pid, &st, 0);
	ok(WIFEXITED(st) && WEXITSTATUS(st) == 0,
	   "another user: its endpoints, ports and routes (%d)",
	   WEXITSTATUS(st));
	sh("ip rule del uidrange 1000-1000 lookup 100");
	close(s);
}

/* ---- marks ----------------------------------------------------------- */

static void test_routes(void)
{
	int mark = 7, c, tos = 0x10;

	if (!sh("ip rule add fwmark 7 lookup 100 &&"
		"ip rule add tos 0x10 lookup 100 &&"
		"ip route replace 10.9.9.0/24 via 10.7.0.2 table 100")) {
		ok(true, "routes by mark # SKIP no rules here");
		return;
	}
	c = xrpc_socket();
	fails(send_to(c, at("10.9.9.9", PORT, 0)), EHOSTUNREACH,
	      "no route without a mark");
	setsockopt(c, SOL_SOCKET, SO_MARK, &mark, sizeof(mark));
	ok(send_to(c, at("10.9.9.9", PORT, 0)) == 1, "SO_MARK has one");
	close(c);
	c = xrpc_socket();
	setsockopt(c, SOL_IP, IP_TOS, &tos, sizeof(tos));
	ok(send_to(c, at("10.9.9.9", PORT, 0)) == 1, "IP_TOS has one");
	close(c);
	sh("ip rule del fwmark 7 lookup 100; ip rule del tos 0x10 lookup 100");
}

/* The types of service of the packets on the loopback device. */
static bool caught(int tap, int port, unsigned char to, unsigned char back)
{
	unsigned char buf[2000];
	struct sockaddr_ll from;
	int n[2] = {};
	bool good = true;

	for (;;) {
		socklen_t len = sizeof(from);
		unsigned char tos, want;
		uint16_t ports[2];
		ssize_t got;

		got = recvfrom(tap, buf, sizeof(buf), MSG_DONTWAIT,
			       (void *)&from, &len);
		if (got < 0)
			break;
		if (from.sll_protocol == htons(ETH_P_IP)) {
			tos = buf[1];
			memcpy(ports, buf + 20, 4);
		} else {
			tos = buf[0] << 4 | buf[1] >> 4;
			memcpy(ports, buf + 40, 4);
		}
		if (ports[1] == htons(port)) {
			want = to;
			n[0]++;
		} else if (ports[0] == htons(port)) {
			want = back;
			n[1]++;
		} else {
			continue;
		}
		/* the token's exchange belongs to no socket of the server */
		if (tos == want || (ports[0] == htons(port) && !tos && n[1] < 3))
			continue;
		printf("# %02x, not %02x\n", tos, want);
		good = false;
	}
	return good && n[0] && n[1];
}

static void test_tos(const char *host, int level, int option)
{
	struct sockaddr_ll lo = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(ETH_P_ALL),
				  .sll_ifindex = if_nametoindex("lo") };
	int tap = socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_ALL));
	int s = server_at(at(host, PORT + 4, 0)), c = xrpc_socket();
	int v, bad[] = { 256, -2, 1000000 };
	socklen_t len = sizeof(v);
	struct sockaddr_xrpc from;
	unsigned int i;

	if (bind(tap, (void *)&lo, sizeof(lo)))
		printf("# no packet socket\n");
	v = 99;
	ok(!getsockopt(c, level, option, &v, &len) && v == 0 &&
	   len == sizeof(v), "%s: service of no type at first", host);
	for (i = 0; i < 3; i++)
		fails(setsockopt(c, level, option, &bad[i], sizeof(v)), EINVAL,
		      "%s: no type %d", host, bad[i]);
	fails(setsockopt(c, level, option, &v, 1), EINVAL,
	      "%s: a short value", host);
	fails(setsockopt(c, level, 9999, &v, sizeof(v)), ENOPROTOOPT,
	      "%s: an unknown option", host);
	fails(getsockopt(c, level, 9999, &v, &len), ENOPROTOOPT,
	      "%s: to be asked as well", host);
	v = 0xb8 | 2;
	ok(!setsockopt(c, level, option, &v, sizeof(v)) &&
	   !getsockopt(c, level, option, &v, &len) && v == 0xb8,
	   "%s: a type is kept, the ECN bits are not the user's", host);
	v = 0x28;
	setsockopt(s, level, option, &v, sizeof(v));
	ok(call(c, s, at(host, PORT + 4, 0), &from) &&
	   call(c, s, at(host, PORT + 4, 0), &from), "%s: calls", host);
	ok(caught(tap, PORT + 4, 0xb8, 0x28),
	   "%s: packets have the type of the socket they are of", host);
	close(tap);
	close(c);
	close(s);
}

/* ---- connecting ------------------------------------------------------ */

static void test_reconnect(void)
{
	struct sockaddr_xrpc a = at("127.0.0.1", PORT + 5, 0), from;
	struct sockaddr_xrpc b = at("10.7.0.2", PORT + 5, 0), got;
	int s = server_at(a), p = socket_in(peer), c = client_to(a);
	socklen_t len = sizeof(got);
	char buf[8];

	bind_to(p, b);
	send(c, "x", 1, 0);
	ok(get_request(s, buf, 8, &from) == 1, "connected to one");
	ok(!connect(c, (void *)&b, sizeof(b)) && send(c, "y", 1, 0) == 1 &&
	   get_request(p, buf, 8, &got) == 1 && *buf == 'y',
	   "and then to another");
	give_answer(p, "y2", 2, &got);
	ok(recv(c, buf, 8, 0) == 2, "whose reply comes");
	give_answer(s, "x23", 3, &from);
	ok(recv(c, buf, 8, 0) == 3, "and so does the first one's");
	ok(call(c, s, a, &from), "a send to an address goes there");
	ok(!getpeername(c, (void *)&got, &len) && !memcmp(&got, &b, len),
	   "and changes nothing");
	a.sxr_reserved = 1;
	ok(connect(c, (void *)&a, sizeof(a)) == -1 &&
	   !getpeername(c, (void *)&got, &len) && !memcmp(&got, &b, len),
	   "nor does a connect that fails");
	close(c);
	close(s);
	close(p);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	tap_begin();
	close(xrpc_socket());
	if (!topology() || !links()) {
		printf("1..0 # SKIP no namespaces and links\n");
		return 4;
	}
	test_families();
	test_connected();
	test_refused();
	test_multicast();
	test_link_local();
	test_devices();
	test_namespaces();
	test_users();
	test_routes();
	test_tos("127.0.0.1", SOL_IP, IP_TOS);
	test_tos("::1", SOL_IPV6, IPV6_TCLASS);
	test_reconnect();
	return tap_end();
}
