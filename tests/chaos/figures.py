"""A run as figures, and all runs as the README's table."""
import collections
import re

from checker import AGREE, ANSWERED, ENDED, HEALS, LIMITS, REFUSED

BLOCK = re.compile(r"(<!-- chaos -->\n)(.*?)(<!-- /chaos -->\n)", re.S)


def measure(spec, storm, checker):
    """The figures of one run, as they go into the JSON report."""
    record = storm.record
    answers = collections.Counter("%s %s" % (call.op, call.status or call.lost) for call in record.calls)
    touched = [call for call in record.calls if any(
        fault.start <= call.end and call.start <= (fault.up or call.end) for fault in record.faults)]
    most = max(checker.most_at_once().values(), default=0)
    in_sets = max((len(streams) for sample in record.samples for streams in sample.families.values()), default=0)
    settings = record.settings
    return {
        "fault": spec.name, "title": spec.title, "setup": storm.setup.kind,
        "gateways": len(storm.gateways.all), "viewers": len(storm.crowd.viewers), "families": len(storm.crowd.families),
        "requests": len(record.calls), "answers": dict(sorted(answers.items())),
        "unanswered": sum(call.status == 0 and call.lost == "silent" for call in record.calls),
        "lost with a killed gateway": sum(call.status == 0 and call.lost != "silent" for call in record.calls),
        "longest answer ms": round(1000 * max((call.end - call.start for call in touched or record.calls), default=0)),
        "asked with a good token": checker.good_asked,
        "asked after their end": checker.ends_asked,
        "up again after s": round(max((fault.up - fault.mended for fault in record.faults), default=0), 2),
        "heals": all(fault.up > 0 for fault in record.faults),
        "limit": settings.family_limit, "device limit": settings.device_limit,
        "most streams of a family": most, "most in its set": in_sets,
        "gateways away": checker.timeline.lives_away(float("inf")) if any(
            not fault.gateway for fault in record.faults) else 0,
        "adopted": len(record.adopted), "events": dict(sorted(record.events.items())),
        "looks at the sets": len(record.samples), "agreed on": len(record.audits),
        "longest lag of the suite ms": round(1000 * max((lag for _, lag in record.lags), default=0)),
        "excused": dict(checker.excused), "violations": len(checker.violations),
        "broken": dict(collections.Counter(promise for promise, _ in checker.violations)), **storm.figures,
    }


def table(reports):
    """The reports as the README's table of faults and guarantees."""
    lines = ["| fault | requests, all answered in time | good tokens refused | ended ones let in again | most streams "
             "of a family, limit %d | gateways differ on | all up again |" % reports[0]["limit"],
             "|---|---|---|---|---|---|---|"]
    for report in reports:
        broken = lambda promise: thousands(report["broken"].get(promise, 0))
        lost = report["lost with a killed gateway"]
        late = report["broken"].get(ANSWERED, 0)
        away = report["gateways away"]
        lines.append("| " + " | ".join((
            report["title"],
            "%s, the slowest after %d ms%s%s" % (thousands(report["requests"]), report["longest answer ms"],
                                                 "; %d cut off with their gateway" % lost if lost else "",
                                                 "; **%d not**" % late if late else ""),
            "%s of %s" % (broken(REFUSED), thousands(report["asked with a good token"])),
            "%s of %s" % (broken(ENDED), thousands(report["asked after their end"])),
            "%d%s%s" % (report["most in its set"],
                        ", %s adopted from %d gateways" % (thousands(report["adopted"]), away) if away else "",
                        "; **%d times wrongly**" % report["broken"][LIMITS] if LIMITS in report["broken"] else ""),
            "%s of %s" % (broken(AGREE), thousands(report["agreed on"])),
            "after %.1f s" % report["up again after s"] if HEALS not in report["broken"] else "**no**")) + " |")
    return "\n".join(lines) + "\n"


def thousands(number):
    return format(number, ",")


def update(path, text):
    """Puts the table between the README's marks; False where it has none."""
    with open(path, encoding="utf-8") as file:
        before = file.read()
    if not BLOCK.search(before):
        return False
    with open(path, "w", encoding="utf-8") as file:
        file.write(BLOCK.sub(lambda match: match.group(1) + text + match.group(3), before))
    return True
