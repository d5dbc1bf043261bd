// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * The client of a first course in networks: sends integers, prints the squares
 * that come back.  Four bytes each way, little-endian.
 */

#include <endian.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/xrpc.h>

int main(int argc, char **argv)
{
	struct addrinfo hints = { .ai_family = AF_INET6, .ai_flags = AI_V4MAPPED };
	struct sockaddr_xrpc addr = { .sxr_family = AF_XRPC };
	struct sockaddr_in6 *found;
	struct addrinfo *list;
	uint32_t n;
	int err;
	int fd;
	int i;

	if (argc < 4) {
		fprintf(stderr, "usage: %s HOST PORT N...\n", argv[0]);
		return 2;
	}
	err = getaddrinfo(argv[1], NULL, &hints, &list);
	if (err) {
		fprintf(stderr, "%s: %s\n", argv[1], gai_strerror(err));
		return 1;
	}
	found = (struct sockaddr_in6 *)list->ai_addr;
	addr.sxr_addr = found->sin6_addr;
	addr.sxr_scope_id = found->sin6_scope_id;
	addr.sxr_port = htons(atoi(argv[2]));
	freeaddrinfo(list);

	fd = socket(AF_XRPC, SOCK_RDM, 0);
	if (fd < 0) {
		perror("socket");
		return 1;
	}

	for (i = 3; i < argc; i++) {
		n = htole32(strtol(argv[i], NULL, 10));
		if (sendto(fd, &n, sizeof(n), 0, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
			perror("sendto");
			return 1;
		}
		if (recvfrom(fd, &n, sizeof(n), 0, NULL, NULL) < 0) {
			perror("recvfrom");
			return 1;
		}
		printf("%s squared is %u\n", argv[i], le32toh(n));
	}
	return 0;
}
