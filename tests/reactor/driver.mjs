// A host for reactors in Node, written from docs/reactor-abi.md alone: proof that the page is enough. Its clock is virtual
// and moves on only when the module is idle, so that every run is the same.
//
//   const reactor = await Reactor.open(bytes, {functions: {query: text => text}, budget: 7});
//   const {status, text} = reactor.call('fetch', 'https://example.test/a');
export const status = {ok: 0, failed: 1, cancelled: 2, deadline: 3, refused: 4, limit: 5, io: 6, protocol: 7};
export const error = (state, sentence) => Object.assign(new Error(sentence), {status: state});

export class Reactor {
  budget = 0xffffffff; functions = {}; pick = () => 0; log = () => {};  // options; pick: which of several answers goes first
  clock = 0n; answers = []; tasks = new Set(); completed = new Map(); forgotten = 0;

  static async open(bytes, options = {}) {
    const me = Object.assign(new Reactor(), options);
    const crank = {
      complete: (task, state, at, size) => me.tasks.delete(task) && me.completed.set(task, {status: state, text: me.text(at, size)}),
      call: (token, task, name, nameSize, at, size) => me.serve(token, me.functions[me.text(name, nameSize)], me.text(at, size)),
      http: (token, task, flags, at, size) => me.serve(token, me.http, me.text(at, size), flags),
      read: (token, task, stream) => me.serve(token, me.read, stream), close: stream => me.close?.(stream),
      timer: (token, task, deadline) => me.answers.push({token, state: status.ok, payload: '', deadline}),
      forget: token => { ++me.forgotten; me.answers = me.answers.filter(answer => answer.token !== token); },
      now: () => me.clock, log: (level, at, size) => me.log(level, me.text(at, size)), trace: () => {},
    };
    me.guest = (await WebAssembly.instantiate(bytes, {crank, wasi_snapshot_preview1: new Proxy({}, {get: () => () => 52})})).instance.exports;
    if (me.guest.crank_version() >>> 16 !== 1) throw new Error('the module is written for another contract');
    me.guest._initialize?.();
    return me;
  }
  text(at, size) { return Buffer.from(this.guest.memory.buffer, at >>> 0, size >>> 0).toString(); }
  copyIn(text) {
    const bytes = Buffer.from(text), at = bytes.length && this.guest.crank_alloc(bytes.length) >>> 0;
    if (at) Buffer.from(this.guest.memory.buffer).set(bytes, at);
    return at || !bytes.length ? [at, bytes.length] : null;
  }
  serve(token, work, ...given) {  // an answer of undefined never comes
    try {
      if (!work) throw error(status.refused, 'the host offers no such thing');
      const payload = work(...given);
      if (payload !== undefined) this.answers.push({token, state: status.ok, payload});
    } catch (caught) { this.answers.push({token, state: caught.status ?? status.failed, payload: caught.message}); }
  }
  start(entry, argument = '') {
    const task = this.guest[entry](...this.copyIn(argument)) >>> 0;
    if (!task) throw new Error(`${entry} was refused: too many tasks`);
    return this.tasks.add(task) && task;
  }
  resume(token, state, payload) {
    const block = this.copyIn(payload), refusal = this.guest.crank_resume(token, block ? state : status.limit, ...(block ?? [0, 0]));
    if (refusal && block?.[0]) this.guest.crank_free(...block);
    return refusal;
  }
  pump() { while (this.guest.crank_pump(this.budget) >> 32n); }
  step() {  // one answer, or else time moves on; false: nothing can happen any more
    const due = this.answers.filter(answer => (answer.deadline ?? 0n) <= this.clock), next = due.length && due[this.pick(due)];
    if (next) return this.answers.splice(this.answers.indexOf(next), 1), this.resume(next.token, next.state, next.payload), true;
    const instants = [this.guest.crank_deadline(), ...this.answers.map(answer => answer.deadline)].filter(at => at !== -1n);
    if (instants.length) this.clock = instants.reduce((a, b) => (a < b ? a : b));
    return instants.length > 0;
  }
  call(entry, argument) { return this.finish(this.start(entry, argument)); }
  finish(task) {
    for (this.pump(); !this.completed.has(task); this.pump())
      if (!this.step()) throw new Error(`idle, and task ${task} is not complete: nothing will resume it`);
    const answer = this.completed.get(task);
    return this.completed.delete(task) && answer;
  }
}
