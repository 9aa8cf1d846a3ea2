// SPDX-License-Identifier: Apache-2.0
// The header is all there is; SwiftPM wants one source file a target.
#include "CVirtioDevices.h"
