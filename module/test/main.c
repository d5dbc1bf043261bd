// SPDX-License-Identifier: GPL-2.0-only
/*
 * xrpc-test.ko: KUnit suites for what is pure in the module.  Each suite
 * includes the source that it tests, so it needs no symbol of xrpc.ko, and
 * loading it prints KTAP to the kernel log.
 */
#include <linux/module.h>

MODULE_DESCRIPTION("KUnit tests of XRPC");
MODULE_LICENSE("GPL");
