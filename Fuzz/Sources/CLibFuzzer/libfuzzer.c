// SPDX-License-Identifier: Apache-2.0
// The header is all there is: libFuzzer has the function.
#include "CLibFuzzer.h"
