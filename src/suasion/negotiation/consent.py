"""A yes to what the agent asks for, where no price is to be agreed: a brief without tickets is about one."""

from dataclasses import dataclass

from suasion.negotiation.changed import changed

YES = frozenset({"agree", "confirm_yes"})
NO = frozenset({"refuse", "hesitate", "retract", "opt_out"})
REQUESTS = frozenset({"propose", "ask_best"})
CONSENT_EVENTS = frozenset({"consent.given", "consent.withdrawn"})


@dataclass(frozen=True, slots=True)
class Consent:
    """What was asked for, and what became of it, from the acts of both sides."""

    asked: bool = False  # the agent made its request
    given: bool = False  # the counterpart said yes to it, or offered by itself, and did not take it back
    restated: int = 0  # how often the agent confirmed it

    def after_agent(self, acts: frozenset[str]) -> "Consent":
        """After one message of the agent with these acts."""
        confirmed = self.given and "confirm" in acts
        return changed(self, asked=self.asked or bool(acts & REQUESTS), restated=self.restated + confirmed)

    def after_counterpart(self, acts: frozenset[str], asking: bool) -> tuple["Consent", list[str]]:
        """After one of the counterpart's, with the events that it makes.

        `asking`: the agent's last words made the request. A plain "yes" answers nothing but that; naming what
        it would do (`counter`) is a consent even where nobody asked.
        """
        if self.given:
            stands = not acts & {"retract", "opt_out"} and ("refuse" not in acts or bool(acts & YES))
            return (self, []) if stands else (changed(self, given=False, restated=0), ["consent.withdrawn"])
        yes = "counter" in acts or (self.asked and "agree" in acts) or (asking and "confirm_yes" in acts)
        if not yes or acts & NO:
            return self, []
        return changed(self, given=True, restated=0), ["consent.given"]
