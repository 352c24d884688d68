// SPDX-License-Identifier: Apache-2.0
// Nothing but headers that all tests share: see CMakeLists.txt.
int main() {}
