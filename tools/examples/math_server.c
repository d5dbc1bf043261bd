// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * The server of a first course in networks: an integer comes in, its square
 * goes back to the address it came from.  Four bytes each way, little-endian.
 */

#include <endian.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <linux/xrpc.h>

int main(int argc, char **argv)
{
	struct sockaddr_xrpc addr = {
		.sxr_family = AF_XRPC,
		.sxr_addr = IN6ADDR_ANY_INIT,
	};
	struct sockaddr_xrpc from;
	long left = -1;
	socklen_t len;
	uint32_t n;
	int fd;

	if (argc < 2 || argc > 3) {
		fprintf(stderr, "usage: %s PORT [COUNT]\n", argv[0]);
		return 2;
	}
	addr.sxr_port = htons(atoi(argv[1]));
	if (argc == 3)
		left = atol(argv[2]);

	fd = socket(AF_XRPC, SOCK_RDM, 0);
	if (fd < 0) {
		perror("socket");
		return 1;
	}
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		perror("bind");
		return 1;
	}

	while (left != 0) {
		len = sizeof(from);
		if (recvfrom(fd, &n, sizeof(n), 0, (struct sockaddr *)&from, &len) < 0) {
			perror("recvfrom");
			return 1;
		}
		n = htole32(le32toh(n) * le32toh(n));
		if (sendto(fd, &n, sizeof(n), 0, (struct sockaddr *)&from, len) < 0)
			perror("sendto");
		if (left > 0)
			left--;
	}
	return 0;
}
