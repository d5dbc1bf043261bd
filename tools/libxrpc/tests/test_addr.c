// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Addresses: what is read, what is refused, and that writing undoes reading. */

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../internal.h"

static void assert_addr(const struct sockaddr_xrpc *addr, const char *ip,
			uint16_t port, uint32_t service)
{
	struct in6_addr want;

	assert_int_equal(inet_pton(AF_INET6, ip, &want), 1);
	assert_int_equal(addr->sxr_family, AF_XRPC);
	assert_memory_equal(&addr->sxr_addr, &want, sizeof(want));
	assert_int_equal(ntohs(addr->sxr_port), port);
	assert_int_equal(addr->sxr_service, service);
	assert_int_equal(addr->sxr_reserved, 0);
	assert_int_equal(addr->sxr_call, 0);
}

static void assert_resolves(const char *text, const char *ip, uint16_t port,
			    uint32_t service)
{
	struct sockaddr_xrpc addr;

	memset(&addr, 0xff, sizeof(addr));
	assert_int_equal(xrpc_resolve(text, XRPC_RESOLVE_NUMERIC, &addr, 1), 1);
	assert_addr(&addr, ip, port, service);
}

static void ipv4_becomes_v4_mapped(void **state)
{
	(void)state;
	assert_resolves("192.0.2.1:7000", "::ffff:192.0.2.1", 7000, 0);
	assert_resolves("192.0.2.1:7000/5", "::ffff:192.0.2.1", 7000, 5);
}

static void ipv6_stands_in_brackets(void **state)
{
	(void)state;
	assert_resolves("[2001:db8::1]:7000", "2001:db8::1", 7000, 0);
	assert_resolves("[::1]:65535/4294967295", "::1", 65535, UINT32_MAX);
	assert_resolves("[::ffff:192.0.2.1]:1", "::ffff:192.0.2.1", 1, 0);
}

static void service_may_be_hexadecimal(void **state)
{
	(void)state;
	assert_resolves("[::1]:1/0x10", "::1", 1, 16);
	assert_resolves("[::1]:1/0XfFfFfFfF", "::1", 1, UINT32_MAX);
	assert_resolves("[::1]:1/010", "::1", 1, 10);
}

static void scope_is_kept(void **state)
{
	struct sockaddr_xrpc addr;

	(void)state;
	assert_int_equal(xrpc_resolve("[fe80::1%lo]:7", XRPC_RESOLVE_NUMERIC, &addr, 1), 1);
	assert_addr(&addr, "fe80::1", 7, 0);
	assert_int_equal(addr.sxr_scope_id, 1);
}

static void port_alone_is_this_host(void **state)
{
	struct sockaddr_xrpc addr;

	(void)state;
	assert_int_equal(xrpc_resolve("7000/3", XRPC_RESOLVE_IPV4, &addr, 1), 1);
	assert_addr(&addr, "::ffff:127.0.0.1", 7000, 3);
	assert_int_equal(xrpc_resolve(":7000", XRPC_RESOLVE_IPV4, &addr, 1), 1);
	assert_addr(&addr, "::ffff:127.0.0.1", 7000, 0);
	assert_int_equal(xrpc_resolve("7000", XRPC_RESOLVE_IPV6, &addr, 1), 1);
	assert_addr(&addr, "::1", 7000, 0);
}

static void passive_port_is_every_address(void **state)
{
	struct sockaddr_xrpc addrs[4];

	(void)state;
	assert_int_equal(xrpc_resolve("0", XRPC_RESOLVE_PASSIVE, addrs, 4), 2);
	assert_addr(&addrs[0], "::", 0, 0);
	assert_addr(&addrs[1], "::ffff:0.0.0.0", 0, 0);

	assert_int_equal(xrpc_resolve("1", XRPC_RESOLVE_PASSIVE, addrs, 1), 1);
	assert_addr(&addrs[0], "::", 1, 0);
	assert_int_equal(xrpc_resolve("1", XRPC_RESOLVE_PASSIVE | XRPC_RESOLVE_IPV4, addrs, 1), 1);
	assert_addr(&addrs[0], "::ffff:0.0.0.0", 1, 0);
	assert_int_equal(xrpc_resolve("1", XRPC_RESOLVE_PASSIVE | XRPC_RESOLVE_IPV6, addrs, 4), 1);
	assert_addr(&addrs[0], "::", 1, 0);
}

static void what_is_no_address_is_refused(void **state)
{
	static const char *const texts[] = {
		"", ":", "/", "host", "host:", "host:/1", "host:65536", "host:-1",
		"host:+1", "host: 1", "host:1 ", "host:1x", "host:0x10", "host:1/",
		"host:1/x", "host:1/-1", "host:1/0x", "host:1/4294967296",
		"host:1/0x100000000", "host:1/2/3", "::1", "::1:7000",
		"2001:db8::1:7000", "[::1]", "[::1]7000", "[::1]:", "[]:1",
		"[::1:7000", "[host]:1", "[192.0.2.1]:1", "::1]:1",
		"host:99999999999999999999", "host:1/99999999999999999999",
	};
	struct sockaddr_xrpc addr;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(texts); i++) {
		errno = 0;
		if (xrpc_resolve(texts[i], 0, &addr, 1) != -1)
			fail_msg("\"%s\" was taken for an address", texts[i]);
		assert_int_equal(errno, EINVAL);
	}
}

static void long_host_is_refused(void **state)
{
	struct sockaddr_xrpc addr;
	char text[300];

	(void)state;
	memset(text, 'a', sizeof(text));
	memcpy(text + 256, ":1", 3);
	assert_int_equal(xrpc_resolve(text, 0, &addr, 1), -1);
	assert_int_equal(errno, EINVAL);
}

static void impossible_arguments_are_refused(void **state)
{
	struct sockaddr_xrpc addr;

	(void)state;
	assert_int_equal(xrpc_resolve("1", 0, &addr, 0), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(xrpc_resolve("1", 0x80, &addr, 1), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(xrpc_resolve("1", XRPC_RESOLVE_IPV4 | XRPC_RESOLVE_IPV6, &addr, 1), -1);
	assert_int_equal(errno, EINVAL);
}

static void name_without_address_is_enoent(void **state)
{
	struct sockaddr_xrpc addr;

	(void)state;
	assert_int_equal(xrpc_resolve("name:1", XRPC_RESOLVE_NUMERIC, &addr, 1), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(xrpc_resolve("[::1]:1", XRPC_RESOLVE_IPV4, &addr, 1), -1);
	assert_int_equal(errno, ENOENT);
}

static void written_address_reads_back(void **state)
{
	static const char *const texts[] = {
		"192.0.2.1:7000", "192.0.2.1:0/1", "[2001:db8::1]:7000",
		"[::]:1/4294967295", "[fe80::1%lo]:7/8", "0.0.0.0:65535",
	};
	struct sockaddr_xrpc addr;
	char buf[XRPC_FORMAT_LEN];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(texts); i++) {
		assert_int_equal(xrpc_resolve(texts[i], XRPC_RESOLVE_NUMERIC, &addr, 1), 1);
		assert_ptr_equal(xrpc_format(&addr, buf, sizeof(buf)), buf);
		assert_string_equal(buf, texts[i]);
	}
}

static void unknown_interface_is_written_as_number(void **state)
{
	struct sockaddr_xrpc addr = {
		.sxr_family = AF_XRPC,
		.sxr_port = htons(7),
		.sxr_scope_id = UINT32_MAX,
		.sxr_service = UINT32_MAX,
	};
	char buf[XRPC_FORMAT_LEN];

	(void)state;
	memset(&addr.sxr_addr, 0xfe, sizeof(addr.sxr_addr));
	assert_non_null(xrpc_format(&addr, buf, sizeof(buf)));
	assert_string_equal(buf,
			    "[fefe:fefe:fefe:fefe:fefe:fefe:fefe:fefe%4294967295]:7/4294967295");
}

static void short_room_is_enospc(void **state)
{
	struct sockaddr_xrpc addr;
	char buf[15];

	(void)state;
	assert_int_equal(xrpc_resolve("192.0.2.1:7000", XRPC_RESOLVE_NUMERIC, &addr, 1), 1);
	assert_non_null(xrpc_format(&addr, buf, 15));
	assert_null(xrpc_format(&addr, buf, 14));
	assert_int_equal(errno, ENOSPC);
	assert_null(xrpc_format(&addr, buf, 0));
	assert_int_equal(errno, ENOSPC);
}

static void other_family_is_not_written(void **state)
{
	struct sockaddr_xrpc addr = { .sxr_family = AF_INET6 };
	char buf[XRPC_FORMAT_LEN];

	(void)state;
	assert_null(xrpc_format(&addr, buf, sizeof(buf)));
	assert_int_equal(errno, EAFNOSUPPORT);
}

static void opening_refuses_what_names_no_service(void **state)
{
	struct sockaddr_xrpc addr = { .sxr_family = AF_XRPC };

	(void)state;
	assert_null(xrpc_open("host"));
	assert_int_equal(errno, EINVAL);
	assert_null(xrpc_open("127.0.0.1:0"));
	assert_int_equal(errno, EINVAL);
	assert_null(xrpc_open_addr(&addr));
	assert_int_equal(errno, EINVAL);
	assert_null(xrpc_listen("host", 0));
	assert_int_equal(errno, EINVAL);
	assert_null(xrpc_listen("7000", 0x80));
	assert_int_equal(errno, EINVAL);
	addr.sxr_call = 1;
	assert_null(xrpc_listen_addr(&addr, 0));
	assert_int_equal(errno, EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ipv4_becomes_v4_mapped),
		cmocka_unit_test(ipv6_stands_in_brackets),
		cmocka_unit_test(service_may_be_hexadecimal),
		cmocka_unit_test(scope_is_kept),
		cmocka_unit_test(port_alone_is_this_host),
		cmocka_unit_test(passive_port_is_every_address),
		cmocka_unit_test(what_is_no_address_is_refused),
		cmocka_unit_test(long_host_is_refused),
		cmocka_unit_test(impossible_arguments_are_refused),
		cmocka_unit_test(name_without_address_is_enoent),
		cmocka_unit_test(written_address_reads_back),
		cmocka_unit_test(unknown_interface_is_written_as_number),
		cmocka_unit_test(short_room_is_enospc),
		cmocka_unit_test(other_family_is_not_written),
		cmocka_unit_test(opening_refuses_what_names_no_service),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
