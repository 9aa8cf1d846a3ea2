// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <stddef.h>
#include <stdint.h>

/// libFuzzer's own mutations, in place.
/// \returns the new length, at most `maximum`.
size_t LLVMFuzzerMutate(uint8_t *_Nonnull bytes, size_t count, size_t maximum);
