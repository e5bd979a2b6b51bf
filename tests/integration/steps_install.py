"""Steps: installs from empty caches, the honest ones and those that must be refused."""

import datetime
import pathlib
import shutil

import packages
from bench import Bench
from registry import integrity
from steps import step

# yarn 4 pins the checksum of its own zip archive; all others pin the registry's sha512.
PINS_OWN_CHECKSUM = ("yarn4",)


def _lock_text(bench: Bench, project: pathlib.Path) -> str:
    return (project / bench.main.LOCKFILE).read_text(encoding="utf-8")


def _copy_without_modules(bench: Bench, project: pathlib.Path) -> pathlib.Path:
    copy = project.with_name(project.name + "-locked")
    copy.mkdir()
    for file in ("package.json", bench.main.LOCKFILE):
        shutil.copy(project / file, copy / file)
    return copy


@step("install")
def install(bench: Bench) -> None:
    """Nobody's session installs an unscoped package and a scoped one that depends on it; the files are those packed."""
    name, scoped = f"fresh-{bench.row.name}", f"@{bench.user.name}/fresh"
    sources = {name: bench.publish(name, "1.0.0")}
    sources[scoped] = bench.publish(scoped, "1.0.0", access="public", dependencies={name: "^1.0.0"})
    project = bench.project({scoped: "^1.0.0", name: "^1.0.0"})
    bench.installer = bench.session("install")
    done = bench.installer.install(project)
    bench.expect(done.ok, "the install succeeds", done)
    for package, source in sources.items():
        wrong = packages.differences(source, project / "node_modules" / package)
        bench.expect(not wrong, "the installed files are the published ones", f"{wrong}\n{done}")
        if bench.row.name not in PINS_OWN_CHECKSUM:
            expected = integrity(bench.registry.tarball(package, "1.0.0").body)
            bench.expect(expected in _lock_text(bench, project), f"the lock pins the sha512 of {package}", done)
    bench.installed = project


@step("install locked", needs=("install",))
def install_locked(bench: Bench) -> None:
    """A newer version that fits the range exists by now: the lock, and nothing else, keeps the old one."""
    name = f"fresh-{bench.row.name}"
    bench.publish(name, "1.5.0")
    project = _copy_without_modules(bench, bench.installed)
    lock = _lock_text(bench, project)
    done = bench.session("install-locked").install_locked(project)
    bench.expect(done.ok, "the install with a lock succeeds", done)
    for package in (name, f"@{bench.user.name}/fresh"):
        version = packages.installed_version(project, package)
        bench.expect(version == "1.0.0", f"{package} is the locked 1.0.0, found {version}", done)
    bench.expect(_lock_text(bench, project) == lock, "the lock is unchanged", done)


@step("outdated", "outdated", needs=("install locked",))
def outdated(bench: Bench) -> None:
    """1.0.0 is installed, 1.5.0 is published."""
    if bench.row.name == "bun":  # it asks for nothing again within five minutes, whatever max-age says
        bench.installer = bench.session("later")
    done = bench.installer.outdated(bench.installed)
    bench.expect(f"fresh-{bench.row.name}" in done.output and "1.5.0" in done.output, "outdated names both", done)


@step("update", "update", needs=("outdated",))
def update(bench: Bench) -> None:
    done = bench.installer.update(bench.installed)
    version = packages.installed_version(bench.installed, f"fresh-{bench.row.name}")
    bench.expect(done.ok and version == "1.5.0", f"update installs 1.5.0, found {version}", done)


@step("pack NAME", "pack_from_registry", needs=("publish",))
def pack_from_registry(bench: Bench) -> None:
    """The file that the client leaves is the published one, byte for byte."""
    folder = bench.project({})
    done = bench.authenticated().pack_from_registry(f"{bench.app}@1.0.0", folder)
    files = list(folder.glob("*.tgz"))
    bench.expect(done.ok and len(files) == 1, "pack leaves one tarball", done)
    bench.expect(files[0].read_bytes() == bench.registry.tarball(bench.app, "1.0.0").body, "with the same bytes", done)


@step("npx, dlx", "execute", needs=("publish",))
def execute(bench: Bench) -> None:
    done = bench.authenticated().execute(f"{bench.app}@1.0.0", bench.project({}))
    bench.expect(done.ok and f"{bench.app}@1.0.0" in done.output, "the package's program runs", done)


@step("tampered")
def tampered(bench: Bench) -> str | None:
    """Between client and registry a tarball is exchanged for one that unpacks well but has other text."""
    name = f"tampered-{bench.row.name}"
    bench.publish(name, "1.0.0")
    with bench.proxy() as between:
        honest = bench.project({name: "1.0.0"})
        done = bench.session("tampered-honest", None, between.url).install(honest)
        bench.expect(done.ok, "the install through an honest proxy succeeds", done)
        between.change_tarballs = True
        victims = [(bench.session("tampered-lock", None, between.url).install_locked,
                    _copy_without_modules(bench, honest))]
        if bench.row.name not in PINS_OWN_CHECKSUM:
            victims.append((bench.session("tampered-new", None, between.url).install, bench.project({name: "1.0.0"})))
        for command, project in victims:
            asked_before = between.tarballs_changed
            done = command(project)
            bench.expect(between.tarballs_changed > asked_before, "the client fetched the changed tarball", done)
            bench.expect(not done.ok, "the client refuses the changed tarball", done)
            arrived = project / "node_modules" / name / "index.js"
            if bench.row.name != "npm6":  # its ci unpacks while it hashes, fails, and leaves what it unpacked
                bench.expect(not arrived.exists() or "uNtampered" not in arrived.read_text(encoding="utf-8"),
                             "the changed text is not in node_modules", done)
    return "with a lock only: it never compares dist.integrity" if bench.row.name in PINS_OWN_CHECKSUM else None


@step("behind a prefix")
def behind_a_prefix(bench: Bench) -> None:
    """The registry is http://host:port/npm/ for the client: a publish and an install from empty caches."""
    name, scoped = f"prefixed-{bench.row.name}", f"@{bench.user.name}/prefixed"
    with bench.proxy("/npm") as between:
        publisher = bench.session("prefix-publisher", bench.token_of(bench.user), between.url)
        for package in (name, scoped):
            access = "public" if package == scoped else None
            done = publisher.publish(bench.package(package, "1.0.0"), access=access)
            bench.expect(done.ok, f"{package} is published", done)
        project = bench.project({name: "1.0.0", scoped: "1.0.0"})
        done = bench.session("prefix-reader", None, between.url).install(project)
        for package in (name, scoped):
            version = packages.installed_version(project, package)
            bench.expect(done.ok and version == "1.0.0", f"{package} is installed, found {version}", done)


@step("age gate", "with_age_gate")
def age_gate(bench: Bench) -> None:
    """A client that wants versions to be a day old takes the older one, and finds the ages in `time`."""
    with bench.proxy() as between:
        session = bench.session("gate-on", None, between.url)
        session.with_age_gate()
        name = f"gate-{bench.row.name}"
        for version in ("1.0.0", "1.1.0"):
            bench.publish(name, version)
        two_days_ago = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=2)
        old = two_days_ago.strftime("%Y-%m-%dT%H:%M:%S.000Z")
        between.publish_times = {"created": old, "1.0.0": old}
        project = bench.project({name: "^1.0.0"})
        done = session.install(project)
        version = packages.installed_version(project, name)
        bench.expect(done.ok and version == "1.0.0", f"1.0.0 is installed, found {version}", done)


@step("install others'", second_round=True)
def install_others(bench: Bench) -> None:
    """What all the clients published, in one application."""
    names = [name for name in bench.everybodys_packages if bench.registry.packument(name).get("versions")]
    bench.expect(names, "the first round has published something")
    project = bench.project({name: "1.0.0" for name in names})
    done = bench.session("others").install(project)
    bench.expect(done.ok, "the install succeeds", done)
    for name in names:
        module = project / "node_modules" / name / "index.js"
        text = module.read_text(encoding="utf-8") if module.exists() else "(missing)"
        bench.expect(f'"{name}@1.0.0"' in text, f"{name} is installed", f"{text}\n{done}")
