// The Swift peer: `peer_swift CASE` prints nanoseconds an operation; how many processors it may use is its caller's choice (taskset).
// Idiomatic, not tuned: task groups, async let, actors, continuations.

func skynet(_ first: UInt64, _ size: UInt64) async -> UInt64 {
  if size == 1 { return first }
  return await withTaskGroup(of: UInt64.self) { group in
    for i in 0..<10 { group.addTask { await skynet(first + UInt64(i) * (size / 10), size / 10) } }
    var sum: UInt64 = 0
    for await part in group { sum += part }
    return sum
  }
}

func fib(_ n: Int) async -> Int {
  if n < 2 { return n }
  async let left = fib(n - 1)
  let right = await fib(n - 2)
  return await left + right
}

func join(_ width: Int, _ rounds: Int) async -> Int {
  var sum = 0
  for _ in 0..<rounds {
    sum += await withTaskGroup(of: Int.self) { group in
      for i in 0..<width { group.addTask { i } }
      var part = 0
      for await n in group { part += n }
      return part
    }
  }
  return sum
}

actor Counter {
  var total = 0
  func add(_ n: Int) -> Int {
    total += n
    return total
  }
}

func contended(_ callers: Int, _ times: Int) async {
  let counter = Counter()
  await withTaskGroup(of: Void.self) { group in
    for _ in 0..<callers {
      group.addTask { for _ in 0..<times { _ = await counter.add(1) } }
    }
  }
}

@inline(never) func callee(_ n: Int) async -> Int { n &+ 1 }
func calls(_ count: Int) async -> Int {
  var n = 0
  for _ in 0..<count { n = await callee(n) }
  return n
}

func continuations(_ count: Int) async -> Int {
  var sum = 0
  for i in 0..<count { sum &+= await withCheckedContinuation { $0.resume(returning: i) } }
  return sum
}

func cancelled(_ count: Int) -> Int {
  var n = 0
  for _ in 0..<count where Task.isCancelled { n += 1 }
  return n
}

func through(_ count: Int) async -> Int {
  let (stream, source) = AsyncStream<Int>.makeStream()
  let producer = Task { for i in 0..<count { source.yield(i) }; source.finish() }
  var sum = 0
  for await n in stream { sum &+= n }
  await producer.value
  return sum
}

func sleepers(_ count: Int) async {
  await withTaskGroup(of: Void.self) { group in
    for i in 0..<count { group.addTask { try? await Task.sleep(for: .microseconds(1 + i * 7919 % 997)) } }
  }
}

@main struct Peer {
  static func run(_ name: String) async -> Double {
    switch name {
    case "skynet": _ = await skynet(0, 100_000); return 111_111
    case "fib": _ = await fib(20); return 21_891
    case "call": _ = await calls(1_000_000); return 1_000_000
    case "join1": _ = await join(1, 50_000); return 50_000
    case "join10": _ = await join(10, 5_000); return 50_000
    case "join30000": _ = await join(30_000, 2); return 60_000
    case "actor1", "actor8", "actor64", "actor10000":
      let callers = Int(name.dropFirst(5))!
      await contended(callers, 200_000 / callers)
      return 200_000
    case "channel1": _ = await through(200_000); return 200_000
    case "continuation": _ = await continuations(200_000); return 200_000
    case "cancelled": _ = cancelled(1_000_000); return 1_000_000
    case "sleep": await sleepers(20_000); return 20_000
    default: fatalError("no case \(name)")
    }
  }
  static func main() async {
    let name = CommandLine.arguments[1]
    _ = await run(name)
    let clock = ContinuousClock()
    var operations = 1.0
    let time = await clock.measure { operations = await run(name) }
    let (seconds, attoseconds) = time.components
    print((Double(seconds) * 1e9 + Double(attoseconds) / 1e9) / operations)
  }
}
