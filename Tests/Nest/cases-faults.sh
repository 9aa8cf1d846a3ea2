# SPDX-License-Identifier: Apache-2.0
# Whatever dies, its client is told the truth. Sourced by cases.
run_faults_cases() { :; }
