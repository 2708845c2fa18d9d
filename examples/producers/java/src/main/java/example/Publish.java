package example;

import io.apicurio.registry.resolver.ParsedSchema;
import io.apicurio.registry.resolver.data.Record;
import io.apicurio.registry.resolver.strategy.ArtifactReference;
import io.apicurio.registry.resolver.strategy.ArtifactReferenceResolverStrategy;
import io.apicurio.registry.rest.client.exception.RestClientException;
import io.apicurio.registry.serde.avro.AvroKafkaSerializer;
import io.apicurio.registry.serde.data.KafkaSerdeRecord;
import java.io.IOException;
import java.io.InputStream;
import java.math.BigInteger;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.generic.GenericRecordBuilder;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.serialization.StringSerializer;

/** Publishes a post by AUTHOR and a follow of AUTHOR by FOLLOWER. */
public final class Publish {

    private static final String REGISTRY_URL =
        env("SCHEMA_REGISTRY_URL", "http://127.0.0.1:18081/apis/registry/v2");

    public static void main(String[] args) {
        if (args.length != 3) {
            System.err.println("usage: Publish AUTHOR FOLLOWER TEXT");
            System.exit(2);
        }
        try {
            run(userId(args[0]), userId(args[1]), args[2]);
        } catch (Exception error) {
            Throwable cause = error.getCause();
            System.err.println("error: " + error.getMessage() + (cause == null ? "" : ": " + cause.getMessage()));
            System.exit(1);
        }
    }

    private static void run(long author, long follower, String text) throws Exception {
        Snowflakes ids = new Snowflakes(Integer.parseInt(env("NODE_ID", "1")));
        try (Producer<String, GenericRecord> producer = new KafkaProducer<>(settings())) {
            long postId = ids.next();
            send(producer, "social.posts.v1", author, new GenericRecordBuilder(schema("PostCreated"))
                .set("event_id", ids.next())
                .set("occurred_at", Snowflakes.time(postId)) // the time inside post_id, exactly
                .set("author_id", author)
                .set("post_id", postId)
                .set("text", text)
                .set("hashtags", List.of("java"))
                .build());

            long eventId = ids.next();
            send(producer, "social.follows.v1", author, new GenericRecordBuilder(schema("UserFollowed"))
                .set("event_id", eventId)
                .set("occurred_at", Snowflakes.time(eventId))
                .set("follower_id", follower)
                .set("followee_id", author)
                .build());
        }
    }

    /** Sends an event and waits until all in-sync replicas have it. */
    private static void send(
            Producer<String, GenericRecord> producer, String topic, long key, GenericRecord event)
            throws PublishException, InterruptedException {
        String type = event.getSchema().getName();
        Future<RecordMetadata> sent;
        try {
            sent = producer.send(new ProducerRecord<>(topic, Long.toString(key), event));
        } catch (RestClientException error) {
            String subject = topic + "-" + event.getSchema().getFullName();
            String reason = Objects.requireNonNullElse(error.getError().getMessage(), error.getError().getName());
            throw new PublishException("schema registry " + REGISTRY_URL + ": subject " + subject + ": " + reason);
        }
        RecordMetadata ack;
        try {
            ack = sent.get();
        } catch (ExecutionException error) {
            throw new PublishException(topic + ": the broker did not acknowledge " + type + ": "
                + error.getCause().getMessage());
        }
        System.out.printf("%s %s:%d:%d%n", type, ack.topic(), ack.partition(), ack.offset());
    }

    private static Map<String, Object> settings() {
        Map<String, Object> settings = new HashMap<>();
        settings.put("bootstrap.servers", env("BOOTSTRAP_SERVERS", "127.0.0.1:19092"));
        settings.put("acks", "all");
        settings.put("enable.idempotence", true);
        int timeout = Integer.parseInt(env("ACK_TIMEOUT_MS", "30000"));
        settings.put("linger.ms", 0); // request.timeout.ms and linger.ms must fit into delivery.timeout.ms
        settings.put("max.block.ms", timeout);
        settings.put("request.timeout.ms", timeout);
        settings.put("delivery.timeout.ms", timeout);
        settings.put("key.serializer", StringSerializer.class);
        settings.put("value.serializer", AvroKafkaSerializer.class);

        // Apicurio's serializer speaks the registry's own API. These settings make it write Confluent's frame.
        settings.put("apicurio.registry.url", REGISTRY_URL);
        settings.put("apicurio.registry.as-confluent", true); // an id of 4 bytes, not 8
        settings.put("apicurio.registry.use-id", "contentId"); // the id that the Confluent API resolves
        settings.put("apicurio.registry.headers.enabled", false); // the id in the value, not in a header
        settings.put("apicurio.registry.auto-register", false); // look the schema up, never add a version
        settings.put("apicurio.registry.artifact-resolver-strategy", TopicRecordName.class.getName());
        return settings;
    }

    /** Names subjects as Confluent's TopicRecordNameStrategy does, which Apicurio's TopicRecordIdStrategy does not. */
    public static final class TopicRecordName implements ArtifactReferenceResolverStrategy<Schema, Object> {
        @Override
        public ArtifactReference artifactReference(Record<Object> data, ParsedSchema<Schema> schema) {
            String topic = ((KafkaSerdeRecord<Object>) data).metadata().getTopic();
            return ArtifactReference.builder()
                .artifactId(topic + "-" + schema.getParsedSchema().getFullName())
                .build();
        }
    }

    /** Ids of 41 bits of milliseconds since 2010, 10 bits of node and 12 bits of sequence. */
    static final class Snowflakes {
        private static final long EPOCH_MS = 1_262_304_000_000L; // 2010-01-01T00:00:00Z

        private final long node;
        private long last; // milliseconds and sequence of the last id, in 53 bits

        Snowflakes(int node) {
            if (node < 0 || node > 1023) {
                throw new IllegalArgumentException("NODE_ID is " + node + ", not within 0 to 1023");
            }
            this.node = node;
        }

        /** Returns an id larger than every earlier one, also if the clock went back. */
        synchronized long next() {
            long now = System.currentTimeMillis() - EPOCH_MS;
            last = Math.max(now << 12, last + 1); // a full sequence borrows the next millisecond
            return last >> 12 << 22 | node << 12 | last & 0xFFF;
        }

        static long time(long id) {
            return (id >> 22) + EPOCH_MS;
        }
    }

    private static Schema schema(String name) throws IOException {
        try (InputStream file = Publish.class.getResourceAsStream("/" + name + ".avsc")) {
            return new Schema.Parser().parse(file);
        }
    }

    private static long userId(String text) {
        if (!text.matches("\\d{1,19}") || new BigInteger(text).bitLength() > 63 || text.matches("0+")) {
            throw new IllegalArgumentException("user id " + text + " is not a positive 63-bit number");
        }
        return Long.parseLong(text);
    }

    private static String env(String name, String fallback) {
        return System.getenv().getOrDefault(name, fallback);
    }

    /** An event that is not acknowledged: it may or may not be in the log. */
    static final class PublishException extends Exception {
        PublishException(String message) {
            super(message);
        }
    }
}
