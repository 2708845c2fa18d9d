// Publishes a post by AUTHOR and a follow of AUTHOR by FOLLOWER.
import process from 'node:process'
import { setTimeout } from 'node:timers/promises'

import confluent from '@kafkajs/confluent-schema-registry'
import avro from 'avsc'
import kafkajs from 'kafkajs'

const { SchemaRegistry, SchemaType } = confluent
const { CompressionTypes, Kafka, Partitioners, logLevel } = kafkajs

const EPOCH_MS = 1_262_304_000_000n // 2010-01-01T00:00:00Z
const BROKERS = process.env.BOOTSTRAP_SERVERS ?? '127.0.0.1:19092'
const REGISTRY_URL = process.env.SCHEMA_REGISTRY_URL ?? 'http://127.0.0.1:18081/apis/ccompat/v7'
const TIMEOUT_MS = Number(process.env.ACK_TIMEOUT_MS ?? 30_000)

/** Ids of 41 bits of milliseconds since 2010, 10 bits of node and 12 bits of sequence. */
class Snowflakes {
  #node
  #last = 0n // milliseconds and sequence of the last id, in 53 bits

  constructor(node) {
    if (!/^\d+$/.test(node) || Number(node) > 1023) {
      throw new RangeError(`NODE_ID is ${node}, not a number from 0 to 1023`)
    }
    this.#node = BigInt(node)
  }

  /** Return an id larger than every earlier one, also if the clock went back. */
  next() {
    const now = (BigInt(Date.now()) - EPOCH_MS) << 12n
    this.#last = now > this.#last ? now : this.#last + 1n // a full sequence borrows the next millisecond
    return ((this.#last >> 12n) << 22n) | (this.#node << 12n) | (this.#last & 0xfffn)
  }

  static time(id) {
    return (id >> 22n) + EPOCH_MS
  }
}

// Numbers hold 53 bits, ids 63: every Avro long is a BigInt here.
const bigIntLong = avro.types.LongType.__with({
  fromBuffer: (buffer) => buffer.readBigInt64LE(),
  toBuffer: (value) => {
    const buffer = Buffer.alloc(8)
    buffer.writeBigInt64LE(value)
    return buffer
  },
  fromJSON: BigInt,
  toJSON: String,
  isValid: (value) => typeof value === 'bigint' && BigInt.asIntN(64, value) === value,
  compare: (one, other) => (one === other ? 0 : one < other ? -1 : 1),
})

/** Take the place of avsc's long, with or without a logical type. */
function longsAreBigInts(schema) {
  return schema === 'long' || schema.type === 'long' ? bigIntLong : undefined
}

class EventLog {
  #kafka = new Kafka({
    clientId: 'storyline-producer',
    brokers: BROKERS.split(','),
    logLevel: logLevel.NOTHING, // errors are thrown, and printed once
  })

  #producer = this.#kafka.producer({
    createPartitioner: Partitioners.DefaultPartitioner, // Java's murmur2
    idempotent: true,
    maxInFlightRequests: 1,
  })

  #registry = new SchemaRegistry(
    { host: REGISTRY_URL },
    { [SchemaType.AVRO]: { typeHook: longsAreBigInts } },
  )

  connect() {
    return inTime(this.#producer.connect(), `the broker at ${BROKERS} does not answer`)
  }

  disconnect() {
    return this.#producer.disconnect()
  }

  /** Send an event and wait until all in-sync replicas have it. */
  async publish(topic, type, key, event) {
    const subject = `${topic}-social.v1.${type}`
    // The latest registered version is the schema to write with. A long-running producer keeps it.
    const schemaId = await inTime(
      this.#registry.getLatestSchemaId(subject),
      `schema registry ${REGISTRY_URL}: subject ${subject}`,
    )
    const value = await this.#registry.encode(schemaId, event)
    const sent = this.#producer.send({
      topic,
      acks: -1, // all
      compression: CompressionTypes.GZIP, // the only codec that KafkaJS has built in
      messages: [{ key: String(key), value }],
    })
    const [ack] = await inTime(sent, `${topic}: the broker did not acknowledge ${type}`)
    console.log(`${type} ${ack.topicName}:${ack.partition}:${ack.baseOffset}`)
  }
}

/** Await `promise`; fail after ACK_TIMEOUT_MS, for an idempotent KafkaJS producer never gives up. */
async function inTime(promise, message) {
  const timer = new AbortController()
  const timeout = setTimeout(TIMEOUT_MS, null, { signal: timer.signal }).then(() => {
    throw new Error(`no answer within ${TIMEOUT_MS} ms`)
  })
  try {
    return await Promise.race([promise, timeout])
  } catch (error) {
    throw new Error(`${message}: ${error.message}`, { cause: error })
  } finally {
    timer.abort()
    timeout.catch(() => {}) // aborted
  }
}

function userId(text) {
  if (!/^\d+$/.test(text) || BigInt(text) === 0n || BigInt(text) >> 63n !== 0n) {
    throw new RangeError(`user id ${text} is not a positive 63-bit number`)
  }
  return BigInt(text)
}

async function main([authorText, followerText, text]) {
  const author = userId(authorText)
  const follower = userId(followerText)
  const ids = new Snowflakes(process.env.NODE_ID ?? '1')
  const log = new EventLog()
  await log.connect()
  const postId = ids.next()
  await log.publish('social.posts.v1', 'PostCreated', author, {
    event_id: ids.next(),
    occurred_at: Snowflakes.time(postId), // the time inside post_id, exactly
    author_id: author,
    post_id: postId,
    text,
    hashtags: ['node'],
  })
  const eventId = ids.next()
  await log.publish('social.follows.v1', 'UserFollowed', author, {
    event_id: eventId,
    occurred_at: Snowflakes.time(eventId),
    follower_id: follower,
    followee_id: author,
  })
  await log.disconnect()
}

if (process.argv.length !== 5) {
  console.error('usage: node publish.js AUTHOR FOLLOWER TEXT')
  process.exit(2)
}
main(process.argv.slice(2)).catch((error) => {
  console.error(`error: ${error.message}`)
  process.exit(1) // what KafkaJS still retries would keep the process alive
})
