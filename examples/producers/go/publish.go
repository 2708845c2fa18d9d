// Command publish publishes a post by AUTHOR and a follow of AUTHOR by FOLLOWER.
package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/hamba/avro/v2"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"
)

// PostCreated has the fields of avro/v1/PostCreated.avsc without a default, and the hashtags.
type PostCreated struct {
	EventID    int64     `avro:"event_id"`
	OccurredAt time.Time `avro:"occurred_at"` // timestamp-millis
	AuthorID   int64     `avro:"author_id"`
	PostID     int64     `avro:"post_id"`
	Text       string    `avro:"text"`
	Hashtags   []string  `avro:"hashtags"`
}

// UserFollowed has the fields of avro/v1/UserFollowed.avsc.
type UserFollowed struct {
	EventID    int64     `avro:"event_id"`
	OccurredAt time.Time `avro:"occurred_at"`
	FollowerID int64     `avro:"follower_id"`
	FolloweeID int64     `avro:"followee_id"`
}

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: publish AUTHOR FOLLOWER TEXT")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(authorText, followerText, text string) error {
	author, err := userID(authorText)
	if err != nil {
		return err
	}
	follower, err := userID(followerText)
	if err != nil {
		return err
	}
	ids, err := newSnowflakes(env("NODE_ID", "1"))
	if err != nil {
		return err
	}
	log, err := newEventLog()
	if err != nil {
		return err
	}
	defer log.kafka.Close()

	postID := ids.next()
	post := PostCreated{
		EventID:    ids.next(),
		OccurredAt: idTime(postID), // the time inside post_id, exactly
		AuthorID:   author,
		PostID:     postID,
		Text:       text,
		Hashtags:   []string{"go"},
	}
	if err := log.publish("social.posts.v1", "PostCreated", author, post); err != nil {
		return err
	}
	eventID := ids.next()
	follow := UserFollowed{
		EventID:    eventID,
		OccurredAt: idTime(eventID),
		FollowerID: follower,
		FolloweeID: author,
	}
	return log.publish("social.follows.v1", "UserFollowed", author, follow)
}

type eventLog struct {
	kafka    *kgo.Client
	registry *sr.Client
	timeout  time.Duration
}

func newEventLog() (*eventLog, error) {
	timeout, err := strconv.Atoi(env("ACK_TIMEOUT_MS", "30000"))
	if err != nil {
		return nil, fmt.Errorf("ACK_TIMEOUT_MS: %w", err)
	}
	// acks=all, the idempotent producer and Java's murmur2 for keys are the defaults of franz-go.
	kafka, err := kgo.NewClient(
		kgo.SeedBrokers(env("BOOTSTRAP_SERVERS", "127.0.0.1:19092")),
		kgo.RecordDeliveryTimeout(time.Duration(timeout)*time.Millisecond),
	)
	if err != nil {
		return nil, err
	}
	registry, err := sr.NewClient( // gives up after five seconds
		sr.URLs(env("SCHEMA_REGISTRY_URL", "http://127.0.0.1:18081/apis/ccompat/v7")),
	)
	if err != nil {
		return nil, err
	}
	return &eventLog{kafka, registry, time.Duration(timeout) * time.Millisecond}, nil
}

// publish sends an event and waits until all in-sync replicas have it.
func (l *eventLog) publish(topic, recordType string, key int64, event any) error {
	// The latest registered version is the schema to write with. A long-running producer keeps it.
	subject := topic + "-social.v1." + recordType
	registered, err := l.registry.SchemaByVersion(context.Background(), subject, -1)
	if err != nil {
		return fmt.Errorf("schema registry: subject %s: %w", subject, err)
	}
	schema, err := avro.Parse(registered.Schema.Schema)
	if err != nil {
		return fmt.Errorf("schema %d: %w", registered.ID, err)
	}
	body, err := avro.Marshal(schema, event)
	if err != nil {
		return fmt.Errorf("%s: %w", recordType, err)
	}
	frame, err := new(sr.ConfluentHeader).AppendEncode(nil, registered.ID, nil)
	if err != nil {
		return err
	}
	record := &kgo.Record{
		Topic: topic,
		Key:   strconv.AppendInt(nil, key, 10),
		Value: append(frame, body...),
	}
	ctx, cancel := context.WithTimeout(context.Background(), l.timeout)
	defer cancel()
	if err := l.kafka.ProduceSync(ctx, record).FirstErr(); err != nil {
		return fmt.Errorf("%s: the broker did not acknowledge %s: %w", topic, recordType, err)
	}
	fmt.Printf("%s %s:%d:%d\n", recordType, record.Topic, record.Partition, record.Offset)
	return nil
}

const epochMS = 1_262_304_000_000 // 2010-01-01T00:00:00Z

// snowflakes mints ids of 41 bits of milliseconds since 2010, 10 bits of node, 12 bits of sequence.
type snowflakes struct {
	mutex sync.Mutex
	node  int64
	last  int64 // milliseconds and sequence of the last id, in 53 bits
}

func newSnowflakes(node string) (*snowflakes, error) {
	number, err := strconv.ParseInt(node, 10, 64)
	if err != nil || number < 0 || number > 1023 {
		return nil, fmt.Errorf("NODE_ID is %s, not a number from 0 to 1023", node)
	}
	return &snowflakes{node: number}, nil
}

// next returns an id larger than every earlier one, also if the clock went back.
func (s *snowflakes) next() int64 {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	now := time.Now().UnixMilli() - epochMS
	s.last = max(now<<12, s.last+1) // a full sequence borrows the next millisecond
	return s.last>>12<<22 | s.node<<12 | s.last&0xFFF
}

func idTime(id int64) time.Time {
	return time.UnixMilli(id>>22 + epochMS)
}

func userID(text string) (int64, error) {
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id <= 0 {
		return 0, fmt.Errorf("user id %q is not a positive 63-bit number", text)
	}
	return id, nil
}

func env(name, fallback string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return fallback
}
