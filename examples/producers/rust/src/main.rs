//! Publishes a post by AUTHOR and a follow of AUTHOR by FOLLOWER.

use std::env;
use std::error::Error;
use std::process::ExitCode;
use std::sync::mpsc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use apache_avro::{Schema, to_avro_datum, to_value};
use rdkafka::client::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};
use serde::{Deserialize, Serialize};
use serde_json::json;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

// The schemas this program writes. In a project of your own, keep a copy of the files.
const POST_CREATED: &str = include_str!("../../../../avro/v1/PostCreated.avsc");
const USER_FOLLOWED: &str = include_str!("../../../../avro/v1/UserFollowed.avsc");

/// The fields of PostCreated without a default, and the hashtags.
#[derive(Serialize)]
struct PostCreated<'a> {
    event_id: i64,
    occurred_at: i64,
    author_id: i64,
    post_id: i64,
    text: &'a str,
    hashtags: &'a [&'a str],
}

#[derive(Serialize)]
struct UserFollowed {
    event_id: i64,
    occurred_at: i64,
    follower_id: i64,
    followee_id: i64,
}

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let [author, follower, text] = args.as_slice() else {
        eprintln!("usage: publish AUTHOR FOLLOWER TEXT");
        return ExitCode::from(2);
    };
    match run(author, follower, text) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(author: &str, follower: &str, text: &str) -> Result<()> {
    let (author, follower) = (user_id(author)?, user_id(follower)?);
    let mut ids = Snowflakes::new(&setting("NODE_ID", "1"))?;
    let log = EventLog::new()?;

    let post_id = ids.next();
    let post = PostCreated {
        event_id: ids.next(),
        occurred_at: id_time(post_id), // the time inside post_id, exactly
        author_id: author,
        post_id,
        text,
        hashtags: &["rust"],
    };
    log.publish("social.posts.v1", POST_CREATED, author, &post)?;

    let event_id = ids.next();
    let follow = UserFollowed {
        event_id,
        occurred_at: id_time(event_id),
        follower_id: follower,
        followee_id: author,
    };
    log.publish("social.follows.v1", USER_FOLLOWED, author, &follow)
}

type Ack = std::result::Result<(i32, i64), String>;

/// Hands each acknowledgement, or the refusal, to the sender that travels with the record.
struct Acks;

impl ClientContext for Acks {}

impl ProducerContext for Acks {
    type DeliveryOpaque = Box<mpsc::Sender<Ack>>;

    fn delivery(&self, result: &DeliveryResult<'_>, sender: Self::DeliveryOpaque) {
        let ack = match result {
            Ok(message) => Ok((message.partition(), message.offset())),
            Err((error, _)) => Err(error.to_string()),
        };
        let _ = sender.send(ack); // fails only if the receiver has given up
    }
}

struct EventLog {
    producer: ThreadedProducer<Acks>,
    registry: String,
    timeout: Duration,
}

impl EventLog {
    fn new() -> Result<Self> {
        let timeout: u64 = setting("ACK_TIMEOUT_MS", "30000").parse()?;
        let producer = ClientConfig::new()
            .set(
                "bootstrap.servers",
                setting("BOOTSTRAP_SERVERS", "127.0.0.1:19092"),
            )
            .set("acks", "all")
            .set("enable.idempotence", "true")
            .set("partitioner", "murmur2_random") // as in Java; librdkafka's own default is CRC32
            .set("message.timeout.ms", timeout.to_string())
            .set("log_level", "0") // errors are returned, and printed once
            .create_with_context(Acks)?;
        Ok(Self {
            producer,
            registry: setting(
                "SCHEMA_REGISTRY_URL",
                "http://127.0.0.1:18081/apis/ccompat/v7",
            ),
            timeout: Duration::from_millis(timeout),
        })
    }

    /// Sends an event and waits until all in-sync replicas have it.
    fn publish(&self, topic: &str, schema: &str, key: i64, event: &impl Serialize) -> Result<()> {
        let parsed = Schema::parse_str(schema)?;
        let name = parsed.name().ok_or("the schema is no record")?;
        let subject = format!("{topic}-{}", name.fullname(None));
        let mut value = vec![0];
        // A long-running producer keeps the id.
        value.extend(self.schema_id(&subject, schema)?.to_be_bytes());
        value.extend(to_avro_datum(&parsed, to_value(event)?.resolve(&parsed)?)?);

        let key = key.to_string();
        let (sender, ack) = mpsc::channel();
        self.producer
            .send(
                BaseRecord::with_opaque_to(topic, Box::new(sender))
                    .key(&key)
                    .payload(&value),
            )
            .map_err(|(error, _)| format!("{topic}: {error}"))?;
        let (partition, offset) = ack.recv()?.map_err(|error| {
            format!(
                "{topic}: the broker did not acknowledge {}: {error}",
                name.name
            )
        })?;
        println!("{} {topic}:{partition}:{offset}", name.name);
        Ok(())
    }

    /// Returns the id of exactly this schema under the subject, whatever its layout. Registers nothing.
    fn schema_id(&self, subject: &str, schema: &str) -> Result<u32> {
        #[derive(Deserialize)]
        struct Answer {
            id: u32,
        }
        let url = format!("{}/subjects/{subject}?normalize=true", self.registry);
        let response = minreq::post(&url)
            .with_header("Content-Type", "application/vnd.schemaregistry.v1+json")
            .with_json(&json!({ "schema": schema }))?
            .with_timeout(10) // seconds
            .send()
            .map_err(|error| format!("schema registry: {url}: {error}"))?;
        if response.status_code != 200 {
            let (status, text) = (response.status_code, response.as_str()?);
            return Err(format!("schema registry: {url}: {status} {text}").into());
        }
        Ok(response.json::<Answer>()?.id)
    }
}

impl Drop for EventLog {
    fn drop(&mut self) {
        let _ = self.producer.flush(self.timeout);
    }
}

const EPOCH_MS: i64 = 1_262_304_000_000; // 2010-01-01T00:00:00Z

/// Ids of 41 bits of milliseconds since 2010, 10 bits of node and 12 bits of sequence.
struct Snowflakes {
    node: i64,
    last: i64, // milliseconds and sequence of the last id, in 53 bits
}

impl Snowflakes {
    fn new(node: &str) -> Result<Self> {
        match node.parse() {
            Ok(node @ 0..=1023) => Ok(Self { node, last: 0 }),
            _ => Err(format!("NODE_ID is {node}, not a number from 0 to 1023").into()),
        }
    }

    /// Returns an id larger than every earlier one, also if the clock went back.
    fn next(&mut self) -> i64 {
        let elapsed = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let now = elapsed.as_millis() as i64 - EPOCH_MS;
        self.last = (now << 12).max(self.last + 1); // a full sequence borrows the next millisecond
        self.last >> 12 << 22 | self.node << 12 | self.last & 0xFFF
    }
}

fn id_time(id: i64) -> i64 {
    (id >> 22) + EPOCH_MS
}

fn user_id(text: &str) -> Result<i64> {
    match text.parse() {
        Ok(id @ 1..) => Ok(id),
        _ => Err(format!("user id {text:?} is not a positive 63-bit number").into()),
    }
}

fn setting(name: &str, fallback: &str) -> String {
    env::var(name).unwrap_or_else(|_| fallback.to_string())
}
