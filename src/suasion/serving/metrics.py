"""What is counted, for Prometheus. No label holds a conversation, a contact or a word that somebody wrote."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from suasion.agents.guarded import GuardedReply

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """One registry per service, so that two in one process don't add up."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "suasion_requests", "HTTP requests", ("route", "method", "status"), registry=self.registry
        )
        self.request_seconds = Histogram(
            "suasion_request_seconds",
            "time of HTTP requests",
            ("route",),
            buckets=SECONDS,
            registry=self.registry,
        )
        self.replies = Counter(
            "suasion_replies",
            "replies by who spoke and how it ended",
            ("source", "ending"),
            registry=self.registry,
        )
        self.reply_seconds = Histogram(
            "suasion_reply_seconds",
            "time of guarded replies, waiting included",
            buckets=SECONDS,
            registry=self.registry,
        )
        self.withheld = Counter(
            "suasion_withheld", "drafts that the guard held back, by rule", ("rule",), registry=self.registry
        )
        self.batch = Histogram(
            "suasion_batch_size",
            "dialogues in a batch",
            buckets=(1, 2, 4, 8, 16, 32, 64),
            registry=self.registry,
        )
        self.webhook = Counter("suasion_webhook", "attempts to deliver", ("result",), registry=self.registry)
        self.waiting = Gauge("suasion_handed_over", "conversations in the inbox", registry=self.registry)

    def replied(self, reply: GuardedReply, milliseconds: float) -> None:
        self.replies.labels(reply.source.value, reply.ending.value if reply.ending else "none").inc()
        self.reply_seconds.observe(milliseconds / 1000)
        for one in reply.events:
            for rule in {evidence.name for evidence in one.evidence} or {"failure"}:
                self.withheld.labels(rule).inc()

    def asked(self, route: str, method: str, status: int, seconds: float) -> None:
        self.requests.labels(route, method, str(status)).inc()
        self.request_seconds.labels(route).observe(seconds)

    def batched(self, size: int) -> None:
        self.batch.observe(size)

    def text(self) -> bytes:
        return generate_latest(self.registry)
