#include "crank/component/analyze.h"

#include <algorithm>
#include <numeric>

namespace crank::component::detail {
namespace {

class UnionFind {
 public:
  explicit UnionFind(std::size_t n) : parent_(n) { std::iota(parent_.begin(), parent_.end(), 0u); }
  std::uint32_t find(std::uint32_t i) {
    while (parent_[i] != i) i = parent_[i] = parent_[parent_[i]];
    return i;
  }
  /// The smaller index stays, so that groups are numbered in the order of their first instance.
  void join(std::uint32_t a, std::uint32_t b) {
    a = find(a);
    b = find(b);
    parent_[std::max(a, b)] = std::min(a, b);
  }

 private:
  std::vector<std::uint32_t> parent_;
};

/// Joins instances on a cycle of `calls` (from, to). Tarjan's algorithm without recursion.
void join_cycles(UnionFind& joined, std::size_t n, const std::vector<std::pair<std::uint32_t, std::uint32_t>>& calls) {
  std::vector<std::vector<std::uint32_t>> edges(n);
  for (auto& [from, to] : calls) {
    auto a = joined.find(from), b = joined.find(to);
    if (a != b) edges[a].push_back(b);
  }
  constexpr std::uint32_t unseen = 0xffff'ffff;
  struct Frame {
    std::uint32_t node;
    std::size_t next;
  };
  std::vector<std::uint32_t> number(n, unseen), low(n), open;
  std::vector<bool> is_open(n);
  std::uint32_t counter = 0;
  std::vector<Frame> frames;
  auto enter = [&](std::uint32_t node) {
    number[node] = low[node] = counter++;
    open.push_back(node);
    is_open[node] = true;
    frames.push_back({node, 0});
  };
  for (std::uint32_t start = 0; start < n; ++start) {
    if (number[start] != unseen || edges[start].empty()) continue;
    enter(start);
    while (!frames.empty()) {
      Frame& frame = frames.back();
      std::uint32_t node = frame.node;
      if (frame.next < edges[node].size()) {
        std::uint32_t to = edges[node][frame.next++];
        if (number[to] == unseen) {
          enter(to);
        } else if (is_open[to]) {
          low[node] = std::min(low[node], number[to]);
        }
        continue;
      }
      frames.pop_back();
      if (!frames.empty()) low[frames.back().node] = std::min(low[frames.back().node], low[node]);
      if (low[node] != number[node]) continue;
      while (true) {
        std::uint32_t member = open.back();
        open.pop_back();
        is_open[member] = false;
        joined.join(member, node);
        if (member == node) break;
      }
    }
  }
}

}  // namespace

bool waits(const Program& program, const Trampoline& t) {
  switch (t.op) {
    case Builtin::lower: return t.function->async_ && !program.options[index(t.options)].async_;
    case Builtin::waitable_set_wait:
    case Builtin::thread_yield:
    case Builtin::thread_new_indirect:
    case Builtin::thread_suspend:
    case Builtin::thread_suspend_then_resume:
    case Builtin::thread_suspend_then_promote:
    case Builtin::thread_yield_then_resume:
    case Builtin::thread_yield_then_promote: return true;
    case Builtin::stream_read:
    case Builtin::stream_write:
    case Builtin::future_read:
    case Builtin::future_write: return !t.async_;
    default: return false;
  }
}

std::vector<bool> reachable_trampolines(const Program& program) {
  std::vector<bool> reached(program.trampolines.size());
  auto reach = [&](const CoreDef& def) {
    if (def.is_trampoline) reached[def.index] = true;
  };
  auto reach_if = [&](const std::optional<CoreDef>& def) {
    if (def) reach(*def);
  };
  for (auto& step : program.steps) {
    if (auto* instantiate = std::get_if<InstantiateModule>(&step)) {
      for (auto& argument : instantiate->arguments) {
        for (auto& definition : argument.definitions) reach(definition.second);
      }
    }
  }
  for (auto& lift : program.lifts) reach(lift.core);
  for (auto& resource : program.resources) reach_if(resource.destructor);
  for (auto& options : program.options) {
    reach_if(options.realloc);
    reach_if(options.post_return);
    reach_if(options.callback);
  }
  return reached;
}

void analyze(Program& program) {
  std::size_t n = program.instances.size();
  std::vector<bool> has_code(n);
  for (auto& step : program.steps) {
    if (auto* instantiate = std::get_if<InstantiateModule>(&step)) has_code[index(instantiate->instance)] = true;
  }
  for (auto& lift : program.lifts) has_code[index(lift.instance)] = true;
  for (auto& trampoline : program.trampolines) has_code[index(trampoline.instance)] = true;
  for (auto& resource : program.resources) {
    if (resource.instance) has_code[index(*resource.instance)] = true;
  }

  UnionFind joined(n);
  std::vector<std::pair<std::uint32_t, std::uint32_t>> calls;
  for (auto& t : program.trampolines) {
    std::uint32_t from = index(t.instance);
    if (t.op == Builtin::lower && t.callee.kind == FuncSource::lifted) {
      std::uint32_t to = index(program.lifts[t.callee.index].instance);
      if (t.function->async_) {
        calls.emplace_back(from, to);
      } else {
        joined.join(from, to);
      }
    } else if (t.op == Builtin::resource_drop) {
      auto& resource = program.resources[index(t.resource)];
      if (resource.instance && resource.destructor) joined.join(from, index(*resource.instance));
    }
  }
  join_cycles(joined, n, calls);

  std::vector<std::optional<GroupId>> group_of(n);
  for (std::uint32_t i = 0; i < n; ++i) {
    if (!has_code[i]) continue;
    auto& group = group_of[joined.find(i)];
    if (!group) {
      group = GroupId{static_cast<std::uint32_t>(program.groups.size())};
      program.groups.emplace_back();
    }
    program.instances[i].group = group;
    program.groups[index(*group)].instances.push_back(InstanceId{i});
  }

  auto group_at = [&](InstanceId instance) -> Group& {
    return program.groups[index(*program.instances[index(instance)].group)];
  };
  auto reached = reachable_trampolines(program);
  for (std::size_t i = 0; i < program.trampolines.size(); ++i) {
    auto& t = program.trampolines[i];
    if (reached[i] && waits(program, t)) group_at(t.instance).may_block = true;
  }
  for (auto& lift : program.lifts) {
    auto& options = program.options[index(lift.options)];
    if (options.async_ && !options.callback) group_at(lift.instance).may_block = true;
  }
}

}  // namespace crank::component::detail
