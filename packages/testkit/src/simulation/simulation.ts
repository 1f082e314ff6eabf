import type { DetectorAction, DetectorEvent, MemberView } from '@agent-mesh/control-plane/detector'
import { seededRandom, type SeededRandom } from '../random.ts'
import { EventQueue } from './event-queue.ts'
import { Flood } from './flood.ts'
import { LinkWeather } from './link-weather.ts'
import { directSize, gossipSize, type DirectMessage, type GossipMessage } from './message.ts'
import type { Fault, Scenario } from './scenario.ts'
import { firstIncarnation, nameOf, numberOf, SimulatedNode } from './simulated-node.ts'
import { randomTopology } from './topology.ts'
import { Trace } from './trace.ts'

export interface Outcome {
  scenario: Scenario
  seed: number
  trace: Trace
  /** What one node holds of another in the end. */
  view: (observer: number, subject: number) => MemberView | undefined
  neighboursOf: (node: number) => number[]
  /** Nodes that run in the end. */
  running: number[]
}

/** Runs a scenario. The same scenario and seed give the same trace. */
export const simulate = (scenario: Scenario, seed: number): Outcome => new Simulation(scenario, seed).run()

const kinds = ['probe', 'ack', 'relayed-ack', 'relayed-nack', 'probe-for-me', 'states', 'digests', 'want-digest']
const states = ['alive', 'suspect', 'unreachable', 'dead', 'left']

type Task = () => void

class Simulation {
  readonly #scenario: Scenario
  readonly #seed: number
  readonly #random: SeededRandom
  readonly #queue = new EventQueue<Task>()
  readonly #trace = new Trace()
  readonly #weather: LinkWeather
  readonly #nodes: SimulatedNode[]
  /** Messages of one connection arrive in order. */
  readonly #lastArrivalMs = new Map<number, number>()
  #nowMs = 0

  constructor(scenario: Scenario, seed: number) {
    this.#scenario = scenario
    this.#seed = seed
    this.#random = seededRandom(seed)
    this.#weather = new LinkWeather(scenario, this.#random)
    this.#nodes = randomTopology(scenario.nodes, scenario.degree, this.#random).map(
      (neighbours, number) => new SimulatedNode(number, neighbours, scenario, this.#random)
    )
  }

  run(): Outcome {
    const { nodes, durationMs, faults, hasDigests, compareEveryMs, settings } = this.#scenario
    for (const node of this.#nodes) {
      node.begin(nodes)
      this.#setTimer(node)
      if (hasDigests)
        this.#repeat(
          node,
          () => settings.digestIntervalMs(node.present),
          () => this.#sendDigest(node)
        )
      this.#repeat(
        node,
        () => compareEveryMs,
        () => this.#compare(node)
      )
    }
    for (const fault of faults) this.#queue.add(fault.atMs, () => this.#happen(fault))
    while (this.#queue.nextAtMs <= durationMs) {
      this.#nowMs = this.#queue.nextAtMs
      this.#queue.take()?.()
    }
    return {
      scenario: this.#scenario,
      seed: this.#seed,
      trace: this.#trace,
      view: (observer, subject) => this.#nodes[observer]?.detector.of(nameOf(subject)),
      neighboursOf: (node) => [...(this.#nodes[node]?.neighbours ?? [])],
      running: this.#nodes.filter(({ state }) => state === 'running').map(({ number }) => number)
    }
  }

  /** For as long as the node lives, from a random moment on. */
  #repeat(node: SimulatedNode, everyMs: () => number, task: Task): void {
    const again = (): void => {
      if (node.isDown) return
      this.#at(node, task)
      this.#queue.add(this.#nowMs + everyMs(), again)
    }
    this.#queue.add(this.#nowMs + this.#random.next() * everyMs(), again)
  }

  /** What happens to a node that stands still waits, in order. */
  #at(node: SimulatedNode, task: Task): void {
    if (node.state === 'paused') node.waiting.push(task)
    else if (!node.isDown) task()
  }

  #setTimer(node: SimulatedNode): void {
    const dueMs = Math.max(node.detector.nextAtMs(), this.#nowMs)
    if (dueMs >= node.timerMs || dueMs === Infinity) return
    node.timerMs = dueMs
    this.#queue.add(dueMs, () => {
      if (node.timerMs !== dueMs) return
      node.timerMs = Infinity
      if (node.state !== 'running') return
      if (node.detector.nextAtMs() <= this.#nowMs) this.#act(node, node.detector.tick(this.#nowMs))
      this.#setTimer(node)
    })
  }

  #tell(node: SimulatedNode, event: DetectorEvent): void {
    this.#act(node, node.detector.handle(event, this.#nowMs))
    this.#setTimer(node)
  }

  #act(node: SimulatedNode, actions: readonly DetectorAction[]): void {
    for (const action of actions) this.#carryOut(node, action)
  }

  #carryOut(node: SimulatedNode, action: DetectorAction): void {
    const { name: peer } = node
    switch (action.do) {
      case 'probe':
        return this.#probe(node, action)
      case 'ask': {
        const { target, sequence, claims } = action
        return this.#send(node, numberOf(action.helper), { is: 'probe-for-me', peer, target, sequence, claims })
      }
      case 'ack':
      case 'relayed-ack':
      case 'relayed-nack': {
        const { sequence, claims } = action
        return this.#send(node, numberOf(action.peer), { is: action.do, peer, sequence, claims })
      }
      case 'spread': {
        const { claim } = action
        this.#trace.accusations.push({
          atMs: this.#nowMs,
          accuser: node.number,
          subject: numberOf(claim.peerId),
          state: claim.state
        })
        return this.#gossip(node, { is: 'claim', author: node.number, claim })
      }
      case 'refute':
        this.#trace.refutations.push({ atMs: this.#nowMs, node: node.number, incarnation: action.incarnation })
        return this.#sendDigest(node)
      case 'farewell':
        return this.#sendDigest(node, true)
      case 'want-digest':
        return this.#send(node, numberOf(action.from), { is: 'want-digest', about: numberOf(action.peer) })
      case 'changed': {
        const { from, state: to, isAsymmetric, reason } = action
        const subject = numberOf(action.peer)
        this.#trace.mix(this.#nowMs, node.number, subject, states.indexOf(to), isAsymmetric ? 1 : 0)
        this.#trace.changes.push({
          atMs: this.#nowMs,
          observer: node.number,
          subject,
          from,
          to,
          isAsymmetric,
          reason
        })
        return
      }
      case 'forgot':
        return
    }
  }

  #probe(node: SimulatedNode, action: Extract<DetectorAction, { do: 'probe' }>): void {
    const { sequence, claims } = action
    const target = numberOf(action.peer)
    if (this.#nodes[target]?.state === 'killed') {
      // the port of a process that is gone refuses the dial
      const delayMs = this.#weather.delayMs(node.number, target, this.#nowMs)
      if (delayMs === undefined) return
      this.#queue.add(this.#nowMs + 2 * delayMs, () =>
        this.#at(node, () => this.#tell(node, { is: 'unsent', sequence }))
      )
      return
    }
    this.#send(node, target, { is: 'probe', peer: node.name, sequence, claims })
  }

  #send(node: SimulatedNode, to: number, message: DirectMessage): void {
    const receiver = this.#nodes[to]
    const sizeBytes = directSize(message)
    this.#trace.messages += 1
    this.#trace.bytes += sizeBytes
    this.#trace.mix(this.#nowMs, node.number, to, kinds.indexOf(message.is))
    const delayMs = this.#weather.delayMs(node.number, to, this.#nowMs)
    if (delayMs === undefined || receiver === undefined || receiver.isDown) return
    const way = node.number * this.#nodes.length + to
    const arrivalMs = Math.max(this.#nowMs + delayMs, this.#lastArrivalMs.get(way) ?? 0)
    this.#lastArrivalMs.set(way, arrivalMs)
    this.#queue.add(arrivalMs, () => this.#at(receiver, () => this.#receive(receiver, node, message)))
  }

  #receive(node: SimulatedNode, sender: SimulatedNode, message: DirectMessage): void {
    switch (message.is) {
      case 'states':
        if (!message.isAnswer) this.#sendDifferences(node, sender, true)
        return this.#tell(node, { is: 'claims', by: sender.name, claims: message.claims, isFirstHand: false })
      case 'digests':
        for (const digest of message.digests) {
          node.keep(digest)
          this.#tell(node, digest)
        }
        return
      case 'want-digest': {
        const digest = node.digests[message.about]
        if (digest !== undefined) this.#send(node, sender.number, { is: 'digests', digests: [digest] })
        return
      }
      case 'probe':
      case 'ack':
      case 'relayed-ack':
      case 'relayed-nack':
      case 'probe-for-me':
        return this.#tell(node, message)
    }
  }

  #gossip(node: SimulatedNode, message: GossipMessage): void {
    const flood = new Flood(message, gossipSize(message), this.#nodes.length)
    flood.receive(node.number)
    this.#pass(node, node.number, flood)
  }

  #pass(node: SimulatedNode, from: number, flood: Flood): void {
    const { message, sizeBytes } = flood
    for (const neighbour of node.neighbours) {
      if (neighbour === from) continue
      if (message.is === 'digest') {
        this.#trace.digestMessages += 1
        this.#trace.digestBytes += sizeBytes
      } else {
        this.#trace.messages += 1
        this.#trace.bytes += sizeBytes
      }
      const receiver = this.#nodes[neighbour]
      const delayMs = this.#weather.delayMs(node.number, neighbour, this.#nowMs)
      if (delayMs === undefined || receiver === undefined || receiver.isDown) continue
      if (!flood.isFirst(neighbour, this.#nowMs + delayMs)) continue
      this.#queue.add(this.#nowMs + delayMs, () =>
        this.#at(receiver, () => this.#receiveGossip(receiver, node.number, flood))
      )
    }
  }

  #receiveGossip(node: SimulatedNode, from: number, flood: Flood): void {
    if (!flood.receive(node.number)) return
    this.#pass(node, from, flood)
    const { message } = flood
    if (message.is === 'claim') {
      const by = nameOf(message.author)
      this.#tell(node, { is: 'claims', by, claims: [message.claim], isFirstHand: true })
    } else {
      node.keep(message.digest)
      this.#tell(node, message.digest)
    }
  }

  #sendDigest(node: SimulatedNode, isLeaving = false): void {
    this.#gossip(node, { is: 'digest', digest: node.makeDigest(this.#nowMs, isLeaving) })
  }

  #compare(node: SimulatedNode): void {
    const neighbours = [...node.neighbours]
    if (neighbours.length === 0) return
    const other = this.#nodes[this.#random.pick(neighbours)]
    if (other !== undefined) this.#sendDifferences(node, other, false)
  }

  #sendDifferences(node: SimulatedNode, other: SimulatedNode, isAnswer: boolean): void {
    const { claims, digests } = node.differences(other)
    if (claims.length > 0 || !isAnswer) this.#send(node, other.number, { is: 'states', claims, isAnswer })
    if (digests.length > 0) this.#send(node, other.number, { is: 'digests', digests })
  }

  #happen(fault: Fault): void {
    switch (fault.is) {
      case 'crash':
        for (const node of this.#chosen(fault.nodes)) this.#crash(node, fault.how)
        return
      case 'pause':
        for (const node of this.#chosen(fault.nodes)) this.#pause(node, fault.forMs, fault.isDeaf === true)
        return
      case 'starve':
        for (const node of this.#chosen(fault.nodes)) this.#starve(node, fault)
        return
      case 'leave':
        for (const node of this.#chosen(fault.nodes)) {
          this.#tell(node, { is: 'leave' })
          this.#part(node, true)
          node.state = 'killed'
        }
        return
      case 'slander':
        return this.#slander(fault)
      case 'partition':
      case 'one-way':
      case 'loss':
      case 'delay':
        return
    }
  }

  #chosen(numbers: readonly number[]): SimulatedNode[] {
    return numbers.flatMap((number) => this.#nodes[number] ?? [])
  }

  #crash(node: SimulatedNode, how: 'killed' | 'silent'): void {
    node.state = how
    if (how === 'killed') this.#part(node, false)
  }

  #part(node: SimulatedNode, isOrderly: boolean): void {
    for (const neighbour of this.#chosen([...node.neighbours])) {
      const delayMs = this.#weather.delayMs(node.number, neighbour.number, this.#nowMs)
      if (delayMs === undefined) continue
      this.#queue.add(this.#nowMs + delayMs, () => {
        neighbour.neighbours.delete(node.number)
        this.#at(neighbour, () => this.#tell(neighbour, { is: 'disconnected', peer: node.name, isOrderly }))
      })
    }
  }

  #pause(node: SimulatedNode, forMs: number, isDeaf: boolean): void {
    if (node.state !== 'running') return
    node.state = 'paused'
    this.#queue.add(this.#nowMs + forMs, () => {
      if (node.state !== 'paused') return
      node.state = 'running'
      if (isDeaf) node.waiting.length = 0
      this.#goOn(node, forMs, node.waiting.length)
    })
  }

  #starve(node: SimulatedNode, fault: Extract<Fault, { is: 'starve' }>): void {
    if (node.isDown) return
    node.state = 'paused'
    const stillMs = fault.stillMs * (0.5 + this.#random.next())
    this.#queue.add(this.#nowMs + stillMs, () => {
      if (node.state !== 'paused') return
      const isOver = this.#nowMs >= fault.atMs + fault.forMs
      if (isOver) node.state = 'running'
      this.#goOn(node, stillMs, isOver ? node.waiting.length : fault.messages)
      if (!isOver) this.#starve(node, fault)
    })
  }

  /** Timers come first when a process goes on, then what waits at its sockets, then what measures the loop. */
  #goOn(node: SimulatedNode, afterMs: number, messages: number): void {
    if (node.detector.nextAtMs() <= this.#nowMs) this.#act(node, node.detector.tick(this.#nowMs))
    for (const task of node.waiting.splice(0, messages)) task()
    this.#tell(node, { is: 'lag', lagMs: afterMs })
  }

  #slander(fault: Extract<Fault, { is: 'slander' }>): void {
    const [liar] = this.#chosen([fault.by])
    if (liar === undefined || this.#nowMs > fault.atMs + fault.forMs) return
    const peerId = nameOf(fault.about)
    const incarnation = liar.detector.of(peerId)?.incarnation ?? firstIncarnation
    this.#gossip(liar, { is: 'claim', author: liar.number, claim: { peerId, state: 'suspect', incarnation } })
    this.#queue.add(this.#nowMs + fault.everyMs, () => this.#slander(fault))
  }
}
