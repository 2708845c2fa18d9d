"""Help texts of the `dlq` commands other than the help of their options."""

LIST_EXAMPLES = """Examples:

\b
  storyline dlq list
  storyline dlq list --state open --group engagement
  storyline dlq list --topic social.posts.v1 --code id_conflict --since now-2d
  storyline dlq list --json | jq -r '.letters[] | .position'

\b
A record that failed several times is one dead letter: attempts counts them.
Its position is that of the copy written last.
"""
SHOW_EXAMPLES = """Examples:

\b
  storyline dlq show social.posts.v1.dlq:3:17
  storyline dlq show social.posts.v1.dlq:3:17 --json | jq .event

\b
Exit code:
  0  shown
  1  there is no such dead letter, or the broker or registry failed
  2  wrong usage
"""
REPLAY_EXAMPLES = """Examples:

\b
  storyline dlq replay --code unknown_schema --dry-run
  storyline dlq replay --topic social.likes.v1 --since now-1d --limit 10
  storyline dlq replay social.posts.v1.dlq:3:17 --yes
  storyline dlq replay social.posts.v1.dlq:3:17 --again --yes --json

\b
Dead letters that come in while it runs, such as records that fail again, are
left for the next time.

\b
Exit code:
  0  replayed and noted, or nothing to replay
  3  some were removed before they were read, or were refused by the broker;
     these are named, the others are replayed
  1  the broker failed; what was noted before is not replayed again
  2  wrong usage
"""
DISCARD_EXAMPLES = """Examples:

\b
  storyline dlq discard social.posts.v1.dlq:3:17 --why "a test's record"
  storyline dlq discard --code expired_view --until now-1d --why "too late to count" --yes

\b
Nothing is deleted: the records are listed as discarded, and
`storyline dlq replay --again` still replays them.
"""

ADD_EXAMPLES = """Examples:

\b
  storyline lag
  storyline dlq add social.posts.v1:3:17 --group posts --reason "schema 83 is lost" --dry-run
  storyline dlq add social.posts.v1:3:17 --group lake --reason "schema 83 is lost" --yes

\b
Exit code:
  0  the decision is recorded, or was before
  1  the log has no such record, or the group has applied it
  2  there is no such group, or it does not read the topic
"""
