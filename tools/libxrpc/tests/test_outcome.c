// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Outcomes: what may be tried again, and what must not be. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../internal.h"

static const int not_executed[] = {
	ECONNREFUSED, EBUSY, ESHUTDOWN, EHOSTUNREACH, ETIME,
};

static const int unknown[] = { ETIMEDOUT, ECONNRESET };

static void errors_of_ended_calls_are_told_apart(void **state)
{
	size_t i;

	(void)state;
	assert_int_equal(xrpc_error_outcome(0), XRPC_REPLIED);
	for (i = 0; i < ARRAY_SIZE(not_executed); i++)
		assert_int_equal(xrpc_error_outcome(not_executed[i]), XRPC_NOT_EXECUTED);
	for (i = 0; i < ARRAY_SIZE(unknown); i++)
		assert_int_equal(xrpc_error_outcome(unknown[i]), XRPC_UNKNOWN);
}

static void error_of_no_set_is_unknown(void **state)
{
	(void)state;
	assert_int_equal(xrpc_error_outcome(EINTR), XRPC_UNKNOWN);
	assert_int_equal(xrpc_error_outcome(-1), XRPC_UNKNOWN);
	assert_int_equal(xrpc_error_outcome(9999), XRPC_UNKNOWN);
}

static void what_the_kernel_tells_outweighs_the_error(void **state)
{
	(void)state;
	assert_int_equal(xrpc_call_outcome(EINTR, XRPC_NOT_EXECUTED), XRPC_NOT_EXECUTED);
	assert_int_equal(xrpc_call_outcome(EINTR, XRPC_UNKNOWN), XRPC_UNKNOWN);
	assert_int_equal(xrpc_call_outcome(EINVAL, XRPC_UNKNOWN), XRPC_UNKNOWN);
	assert_int_equal(xrpc_call_outcome(ETIMEDOUT, XRPC_NOT_EXECUTED), XRPC_NOT_EXECUTED);
}

static void reply_that_cannot_be_had_is_unknown(void **state)
{
	(void)state;
	assert_int_equal(xrpc_call_outcome(EFAULT, XRPC_REPLIED), XRPC_UNKNOWN);
}

static void without_word_from_the_kernel_doubt_is_unknown(void **state)
{
	size_t i;

	(void)state;
	assert_int_equal(xrpc_call_outcome(EINTR, UINT32_MAX), XRPC_UNKNOWN);
	assert_int_equal(xrpc_call_outcome(EFAULT, UINT32_MAX), XRPC_UNKNOWN);
	assert_int_equal(xrpc_call_outcome(EAGAIN, UINT32_MAX), XRPC_UNKNOWN);
	assert_int_equal(xrpc_call_outcome(EINVAL, UINT32_MAX), XRPC_NOT_EXECUTED);
	for (i = 0; i < ARRAY_SIZE(unknown); i++)
		assert_int_equal(xrpc_call_outcome(unknown[i], UINT32_MAX), XRPC_UNKNOWN);
	for (i = 0; i < ARRAY_SIZE(not_executed); i++)
		assert_int_equal(xrpc_call_outcome(not_executed[i], UINT32_MAX),
				 XRPC_NOT_EXECUTED);
}

static void outcomes_have_names(void **state)
{
	(void)state;
	assert_string_equal(xrpc_outcome_name(XRPC_REPLIED), "replied");
	assert_string_equal(xrpc_outcome_name(XRPC_NOT_EXECUTED), "not executed");
	assert_string_equal(xrpc_outcome_name(XRPC_UNKNOWN), "unknown");
	assert_string_equal(xrpc_outcome_name(-1), "unknown");
}

static void errors_have_a_text_of_their_own(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(not_executed); i++)
		assert_string_not_equal(xrpc_strerror(not_executed[i]),
					strerror(not_executed[i]));
	for (i = 0; i < ARRAY_SIZE(unknown); i++)
		assert_string_not_equal(xrpc_strerror(unknown[i]), strerror(unknown[i]));
	assert_non_null(strstr(xrpc_strerror(EAFNOSUPPORT), "module"));
	assert_string_equal(xrpc_strerror(EPERM), strerror(EPERM));
}

static void version_is_told(void **state)
{
	(void)state;
	assert_string_equal(xrpc_version(), XRPC_VERSION);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errors_of_ended_calls_are_told_apart),
		cmocka_unit_test(error_of_no_set_is_unknown),
		cmocka_unit_test(what_the_kernel_tells_outweighs_the_error),
		cmocka_unit_test(reply_that_cannot_be_had_is_unknown),
		cmocka_unit_test(without_word_from_the_kernel_doubt_is_unknown),
		cmocka_unit_test(outcomes_have_names),
		cmocka_unit_test(errors_have_a_text_of_their_own),
		cmocka_unit_test(version_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
