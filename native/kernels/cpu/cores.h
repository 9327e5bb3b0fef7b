// How many cores this process may use: two logical processors of one core share its arithmetic units, so a second thread there only costs.
#pragma once
#include <string>
#include <vector>

namespace sdft::cpu {

/// Logical processors that this process may run on; empty where the system does not say.
std::vector<int> allowed_processors();

/// Distinct cores of these processors by Linux's `folder`/cpuN/topology/thread_siblings_list; 0 where that says nothing.
int count_cores(const std::string& folder, const std::vector<int>& processors);

}  // namespace sdft::cpu
