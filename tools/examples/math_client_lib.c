// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* The math client with libxrpc: of a failed call it says whether it ran. */

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libxrpc.h>

static struct xrpc_client *open_host(const char *host, const char *port)
{
	char address[300];

	/* IPv6 addresses stand in brackets before a port. */
	if (strchr(host, ':'))
		snprintf(address, sizeof(address), "[%s]:%s", host, port);
	else
		snprintf(address, sizeof(address), "%s:%s", host, port);
	return xrpc_open(address);
}

static int square(struct xrpc_client *client, const char *number)
{
	uint32_t n = htole32(strtol(number, NULL, 10));
	enum xrpc_outcome outcome;
	struct xrpc_info info;
	size_t len = sizeof(n);

	outcome = xrpc_call(client, 0, &n, sizeof(n), &n, &len, 0, &info);
	if (outcome != XRPC_REPLIED) {
		fprintf(stderr, "%s: %s: %s\n", number, xrpc_outcome_name(outcome),
			xrpc_strerror(info.error));
		return 1;
	}
	if (info.status || len != sizeof(n)) {
		fprintf(stderr, "%s: refused with status %u\n", number, info.status);
		return 1;
	}
	printf("%s squared is %u\n", number, le32toh(n));
	return 0;
}

int main(int argc, char **argv)
{
	struct xrpc_client *client;
	int err = 0;
	int i;

	if (argc < 4) {
		fprintf(stderr, "usage: %s HOST PORT N...\n", argv[0]);
		return 2;
	}
	client = open_host(argv[1], argv[2]);
	if (!client) {
		fprintf(stderr, "%s: %s\n", argv[1], xrpc_strerror(errno));
		return 1;
	}
	for (i = 3; i < argc && !err; i++)
		err = square(client, argv[i]);
	xrpc_close(client);
	return err;
}
