"""Short texts and hashtags, drawn from fixed word lists."""

from random import Random

_OPENERS = (
    "Just saw", "Thinking about", "Nobody told me about", "Finally finished", "I still love",
    "Up early for", "Can we talk about", "Late night with", "Today I learned about", "Fixed",
    "Lost in", "Back from", "Trying out", "So proud of", "Two hours into", "Not sure about",
    "Hot take on", "Running after", "A quiet hour with", "First try at", "Photos of",
    "Do not miss", "Still recovering from", "Happy with", "Gave up on", "A love letter to",
    "Made friends with", "Woke up to", "Here is", "Started", "Missing", "Dreaming of",
)  # fmt: skip
_SUBJECTS = (
    "the old harbour", "a fox by the river", "my sourdough", "the night train", "this book",
    "a broken bicycle", "the new café ☕", "our garden", "a very small dog", "the city marathon",
    "a film in Türkçe", "the first snow", "an open window", "the Sunday market",
    "my neighbour's cat",
    "a long walk", "the printer again", "a concert in the park 🎶", "the last ferry",
    "homemade ラーメン",
    "a chess game", "the morning fog", "an empty museum", "the smallest theatre", "wild swimming",
    "the tomato plants", "a letter from 1962", "the storm", "my grandmother's recipe",
    "the lighthouse",
    "a meteor shower ✨", "the bus that never came",
)  # fmt: skip
_ENDINGS = (
    "and it was worth it.", "again!", "— more soon.", "before anyone wakes up.", "with friends.",
    "and I have questions.", "this week.", "for the third time.", "who is in?", "in the rain.",
    "and nothing else matters.", "😀", "without a plan.", "on a Monday.", "if you can.",
    "and then it was dark.",
)  # fmt: skip
_ANSWERS = (
    "Love this.", "Same here!", "Where is that?", "Tell me more.", "😂", "I was there too.",
    "Not so sure about that.", "Beautiful ❤️", "Teach me!", "This made my day.", "Again?",
    "Congratulations!", "Que lindo!", "すごい", "Count me in.", "What happened next?",
)  # fmt: skip
_CAPTIONS = (
    "right now", "look at this", "good morning", "behind the scenes", "on my way", "lunch",
    "almost there", "goodnight 🌙",
)  # fmt: skip
_TITLES = ("Travel", "Food", "Friends", "Best of", "Work", "Summer", "Cats", "Music")
_TAGS = (
    "news", "music", "coffee", "travel", "football", "art", "photo", "food", "running", "books",
    "film", "garden", "science", "climate", "dogs", "cats", "python", "history", "design",
    "cycling", "theatre", "politics", "space", "chess", "hiking", "baking", "jazz", "fashion",
    "gaming", "vinyl", "yoga", "café", "istanbul", "berlin", "tokyo", "lagos", "lima", "paris",
    "monday", "weekend", "sunset", "rain", "snow", "summer", "trains", "sailing", "birds",
    "poetry", "startup", "linux", "robots", "maths", "physics", "health", "sleep", "memes",
    "streetart", "architecture", "vegan", "bbq", "tennis", "formula1", "knitting", "mushrooms",
)  # fmt: skip


class Words:
    """Source of random texts; their hashtags follow Zipf's law over `tags` hashtags."""

    def __init__(self, tags: int, rng: Random) -> None:
        self._tags = tags
        self._random = rng.random
        self._bits = rng.getrandbits

    def post(self) -> tuple[str, tuple[str, ...]]:
        """Return a post's text and its hashtags, as typed (some with capitals)."""
        text = f"{_OPENERS[self._bits(5)]} {_SUBJECTS[self._bits(5)]} {_ENDINGS[self._bits(4)]}"
        draw = self._random()
        count = (draw > 0.45) + (draw > 0.8) + (draw > 0.95)
        if not count:
            return text, ()
        tags = tuple(dict.fromkeys(self._tag() for _ in range(count)))
        return f"{text} #{' #'.join(tags)}", tags

    def answer(self) -> str:
        return _ANSWERS[self._bits(4)]

    def caption(self) -> str:
        return _CAPTIONS[self._bits(3)]

    def title(self) -> str:
        return _TITLES[self._bits(3)]

    def _tag(self) -> str:
        rank = int(self._tags ** self._random()) - 1
        family, name = divmod(rank, len(_TAGS))
        tag = _TAGS[name] if not family else f"{_TAGS[name]}{family}"
        return tag.capitalize() if self._random() < 0.1 else tag
