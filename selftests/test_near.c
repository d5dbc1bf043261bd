// SPDX-License-Identifier: GPL-2.0
/*
 * xrpc-test: mode=icount kernels=6.1,6.12,debug timeout=600
 *
 * A server's second UDP socket, connected to its one client: that it comes and
 * goes, that others are served as before, and that the port is nobody else's.
 */
#include "netns.h"

#define PORT	4900
#define MANY	64		/* calls that are worth a socket */

/* ---- what UDP sockets there are -------------------------------------- */

/* The local address of the one that was found last, as the kernel writes it. */
static char local_addr[33];

/*
 * To which port a UDP socket at a local port is connected: 0 where there is none
 * that is.
 */
static int connected_to(int port)
{
	static const char *const file[] = { "/proc/net/udp", "/proc/net/udp6" };
	unsigned int local, remote, i;
	char line[256], addr[33];
	int found = 0;
	FILE *f;

	for (i = 0; i < 2; i++) {
		f = fopen(file[i], "r");
		while (f && fgets(line, sizeof(line), f)) {
			if (sscanf(line, "%*d: %32[0-9A-F]:%x %*[0-9A-F]:%x",
				   addr, &local, &remote) == 3 &&
			    local == (unsigned int)port && remote) {
				found = remote;
				strcpy(local_addr, addr);
			}
		}
		if (f)
			fclose(f);
	}
	return found;
}

/* Whether what connected_to() found is at an address, for a family's socket. */
static bool is_at(const char *host, bool v6)
{
	struct sockaddr_xrpc a = at(host, 0, 0);
	uint32_t w[4];
	char want[33];

	memcpy(w, &a.sxr_addr, sizeof(w));
	if (v6)
		sprintf(want, "%08X%08X%08X%08X", w[0], w[1], w[2], w[3]);
	else
		sprintf(want, "%08X", w[3]);
	return !strcmp(want, local_addr);
}

static int port_of(int fd)
{
	struct sockaddr_xrpc a;
	socklen_t len = sizeof(a);

	return getsockname(fd, (void *)&a, &len) ? -1 : ntohs(a.sxr_port);
}

/* Whether a plain UDP socket gets a port, with an option that shares it. */
static bool udp_gets(const char *host, int port, int option)
{
	struct sockaddr_in6 v6 = {
		.sin6_family = AF_INET6,
		.sin6_port = htons(port),
	};
	struct sockaddr_in v4 = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
	};
	bool is_v6 = strchr(host, ':'), got;
	int one = 1, fd;

	inet_pton(AF_INET6, host, &v6.sin6_addr);
	inet_pton(AF_INET, host, &v4.sin_addr);
	fd = socket(is_v6 ? AF_INET6 : AF_INET, SOCK_DGRAM, 0);
	if (option)
		setsockopt(fd, SOL_SOCKET, option, &one, sizeof(one));
	got = !(is_v6 ? bind(fd, (void *)&v6, sizeof(v6)) :
			bind(fd, (void *)&v4, sizeof(v4)));
	if (!got && errno != EADDRINUSE)
		printf("# bind: %s\n", strerror(errno));
	close(fd);
	return got;
}

/* ---- calls ----------------------------------------------------------- */

/* Some calls; whether all were replied. */
static bool calls(int s, int c, unsigned int n)
{
	struct sockaddr_xrpc from;
	unsigned char buf[64];
	socklen_t len;
	uint32_t i;

	for (i = 0; i < n; i++) {
		fill_call(buf, i, 40);
		if (send(c, buf, 40, 0) != 40)
			return false;
		len = sizeof(from);
		if (recvfrom(s, buf, sizeof(buf), 0, (void *)&from, &len) != 40 ||
		    sendto(s, buf, 40, 0, (void *)&from, len) != 40)
			return false;
		if (!is_call(buf, recv(c, buf, sizeof(buf), 0), i, 40))
			return false;
	}
	return true;
}

/* @has: whether a server there has a second socket. */
static void test_at(const char *bound, const char *spoken, int port, bool has)
{
	struct sockaddr_xrpc to = at(spoken, port, 1);
	int s = server_at(at(bound, port, 1)), c, c2, c3, mine;

	printf("# at %s, spoken to at %s\n", bound, spoken);
	c = client_to(to);
	ok(calls(s, c, MANY - 1) && !connected_to(port),
	   "nothing is connected for a few calls");
	ok(calls(s, c, 1) && connected_to(port) == (has ? port_of(c) : 0) &&
	   (!has || is_at(spoken, strchr(bound, ':'))),
	   has ? "one client's port is, from where it speaks to" :
		 "nor for many");
	ok(calls(s, c, 4), "its calls are served");
	c2 = client_to(to);
	ok(calls(s, c2, MANY) && calls(s, c, 1) && calls(s, c2, 1),
	   "another one's are as well");
	ok(connected_to(port) == (has ? port_of(c) : 0),
	   "who was there first stays");
	ok(!udp_gets(bound, port, SO_REUSEPORT) &&
	   !udp_gets(bound, port, SO_REUSEADDR) &&
	   !udp_gets(spoken, port, SO_REUSEPORT) &&
	   !udp_gets(spoken, port, SO_REUSEADDR) && !udp_gets(bound, port, 0),
	   "the port is not shared with a UDP socket");

	mine = port_of(c);
	close(c);
	ok(calls(s, c2, 1) && connected_to(port) == (has ? mine : 0),
	   "what is left of one that went does no harm");
	close(c2);
	c3 = client_to(to);
	ok(calls(s, c3, MANY) &&
	   connected_to(port) == (has ? port_of(c3) : 0) && calls(s, c3, 4),
	   "the next one that is alone takes its place");
	close(c3);
	close(s);
	ok(!connected_to(port) && udp_gets(bound, port, 0),
	   "with the endpoint all of it goes");
}

/* What a server that is a client as well has called is no client of it. */
static void test_both(void)
{
	struct sockaddr_xrpc to = at("127.0.0.1", PORT + 8, 1);
	int s = server_at(to), c = server_at(at("127.0.0.1", PORT + 9, 2));
	int other = client_to(at("127.0.0.1", PORT + 9, 2));

	ok(!connect(c, (void *)&to, sizeof(to)) && calls(s, c, MANY) &&
	   connected_to(PORT + 8) == PORT + 9,
	   "a server that calls is a client like others");
	ok(calls(c, other, MANY) && !connected_to(PORT + 9),
	   "who calls it is not alone there");
	close(other);
	close(c);
	close(s);
}

int main(void)
{
	tap_begin();
	write_file("/proc/sys/net/xrpc/linger_ms", "0");
	test_at("0.0.0.0", "127.0.0.1", PORT, true);
	test_at("127.0.0.1", "127.0.0.1", PORT + 1, true);
	test_at("::", "127.0.0.1", PORT + 2, true);
	test_at("::", "127.0.0.2", PORT + 3, true);
	test_at("::", "::1", PORT + 4, true);
	test_at("::1", "::1", PORT + 5, false);
	test_both();
	write_file("/proc/sys/net/xrpc/linger_ms", "60000");
	return tap_end();
}
