//! One replication group or serverless cache: its processes and endpoints, and how they come to match a shape.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::Ipv4Addr,
    path::PathBuf,
};

use tokio::{
    task::JoinSet,
    time::{Duration, sleep},
};

use super::{
    Inner, access,
    cluster::{self, Plan},
    endpoint::{Endpoint, Gate, Route},
    parameters::Parameters,
    replication,
    resp::Connection,
    server::{Launch, Server},
    shape::{Auth, Health, Shape},
};

/// How long connections may take to notice that their server is lost.
const LETTING_GO: Duration = Duration::from_millis(20);

/// A group, as it is.
#[derive(Default)]
pub(super) struct Group {
    shape: Option<Shape>,
    members: BTreeMap<String, Member>,
    /// Endpoints that are no member's own, by name.
    endpoints: BTreeMap<String, Endpoint>,
    /// Endpoints of members whose machine is gone.
    graves: BTreeMap<String, Endpoint>,
}

/// A node.
struct Member {
    launch: Launch,
    endpoint: Option<Endpoint>,
    server: Server,
    /// Started since the group last matched its shape: it has no data yet, whatever the shape says of it.
    is_fresh: bool,
    auth: Option<Auth>,
    parameters: Parameters,
}

/// A connection to a node, and where other nodes find it.
pub(super) struct Link {
    pub(super) address: Ipv4Addr,
    pub(super) port: u16,
    pub(super) bus_port: u16,
    pub(super) socket: PathBuf,
    pub(super) gate: Gate,
    pub(super) connection: Connection,
}

impl Group {
    pub(super) async fn reshape(&mut self, plane: &Inner, group: &str, shape: Shape) -> io::Result<()> {
        let shape = shape.checked(group)?;
        if self.bury(&shape).await {
            return Ok(());
        }
        let shape = shape.without_dead();
        self.start_members(plane, &shape).await?;
        let mut links = self.links(plane).await?;
        let sources = self.sources(&shape, &links);
        self.rescue(&sources, &mut links).await?;
        self.let_in(plane, &shape, &mut links).await?;
        self.interrupt(&shape);
        if shape.shards.iter().flat_map(|shard| &shard.nodes).any(|node| node.health == Health::CutOff) {
            // Roles stay; its replicas would be waited for in vain.
            return Ok(());
        }
        if shape.cluster {
            self.settle_cluster(plane, &shape, links, sources).await?;
        } else {
            self.settle_replicas(&shape, links, sources).await?;
        }
        if !shape.names_lag {
            self.point_endpoints(plane, &shape).await?;
        }
        if self.shape.as_ref().is_some_and(|before| before.generation != shape.generation) {
            self.drop_connections();
        }
        self.members.values_mut().for_each(|member| member.is_fresh = false);
        self.shape = Some(shape);
        Ok(())
    }

    fn drop_connections(&self) {
        let of_members = self.members.values().filter_map(|member| member.endpoint.as_ref());
        of_members.chain(self.endpoints.values()).for_each(Endpoint::drop_connections);
    }

    /// Kills what is to be dead. Tells whether a shard is without its primary now: then all else waits for its heir.
    async fn bury(&mut self, shape: &Shape) -> bool {
        for node in shape.dead() {
            let Some(member) = self.members.remove(&node.member) else { continue };
            if node.health == Health::Lost {
                let of_member = member.endpoint.iter();
                of_member.chain(self.endpoints.values()).for_each(|endpoint| endpoint.lose(&member.server.socket));
                // Connections let go of the server before it ends.
                sleep(LETTING_GO).await;
                self.graves.extend(member.endpoint.map(|endpoint| (node.member.clone(), endpoint)));
            }
            member.server.stop().await;
        }
        shape.dead().any(|node| node.primary)
    }

    pub(super) async fn end(self) {
        // No new connections, then no servers: all at once, they do not depend on each other any more.
        drop((self.endpoints, self.graves));
        let mut ending = JoinSet::new();
        for member in self.members.into_values() {
            drop(member.endpoint);
            ending.spawn(member.server.stop());
        }
        while ending.join_next().await.is_some() {}
    }

    /// Starts what is missing, has died, or cannot change without a restart. Like every restart here, the last loses
    /// the node's data.
    async fn start_members(&mut self, plane: &Inner, shape: &Shape) -> io::Result<()> {
        let mut starting = JoinSet::new();
        for node in shape.shards.iter().flat_map(|shard| &shard.nodes) {
            let launch = Launch {
                cluster: shape.cluster,
                address: plane.gate.addresses.of(&node.member),
                port: shape.port,
                databases: shape.parameters.get("databases").cloned(),
            };
            if let Some(member) = self.members.get(&node.member) {
                if member.launch == launch && member.server.connect(&plane.host).await.is_ok() {
                    continue;
                }
                if let Some(member) = self.members.remove(&node.member) {
                    drop(member.endpoint);
                    member.server.stop().await;
                }
            }
            self.graves.remove(&node.member);
            let (name, host) = (node.member.clone(), plane.host.clone());
            starting.spawn(async move {
                let server = Server::start(&host, &launch).await?;
                Ok::<_, io::Error>((name, launch, server))
            });
        }
        while let Some(started) = starting.join_next().await {
            let (name, launch, server) = started.map_err(io::Error::other)??;
            let parameters = Parameters::default();
            let member = Member { launch, endpoint: None, server, is_fresh: true, auth: None, parameters };
            self.members.insert(name, member);
        }
        Ok(())
    }

    async fn links(&self, plane: &Inner) -> io::Result<BTreeMap<String, Link>> {
        let mut links = BTreeMap::new();
        for (name, member) in &self.members {
            // One that is about to be removed may have died long ago.
            let Ok(connection) = member.server.connect(&plane.host).await else { continue };
            let Launch { address, port, .. } = member.launch;
            let (bus_port, socket, gate) = (member.launch.bus_port(), member.server.socket.clone(), plane.gate.clone());
            links.insert(name.clone(), Link { address, port, bus_port, socket, gate, connection });
        }
        Ok(links)
    }

    /// Users, parameters, then the nodes' own endpoints: in this order nobody ever gets in too easily.
    async fn let_in(&mut self, plane: &Inner, shape: &Shape, links: &mut BTreeMap<String, Link>) -> io::Result<()> {
        let wanted: BTreeSet<&String> =
            shape.shards.iter().flat_map(|shard| &shard.nodes).map(|node| &node.member).collect();
        for (name, member) in self.members.iter_mut().filter(|(name, _)| wanted.contains(name)) {
            let Some(link) = links.get_mut(name) else { continue };
            if member.auth.as_ref() != Some(&shape.auth) {
                access::enforce(&mut link.connection, &shape.auth, &plane.host.admin).await?;
                member.auth = Some(shape.auth.clone());
            }
            member.parameters.enforce(&mut link.connection, &shape.parameters).await?;
            let mut route = route(shape, vec![member.server.socket.clone()]);
            let mut nodes = shape.shards.iter().flat_map(|shard| &shard.nodes);
            route.is_cut_off = nodes.any(|node| node.member == *name && node.health == Health::CutOff);
            match &member.endpoint {
                Some(endpoint) => endpoint.lead(route),
                None => {
                    let Launch { address, port, .. } = member.launch;
                    member.endpoint = Some(Endpoint::listen(&plane.gate, address, port, route).await?);
                }
            }
        }
        Ok(())
    }

    /// The members that hand their shard over to another.
    fn primaries_that_change(&self, shape: &Shape) -> Vec<String> {
        let mut changing = Vec::new();
        for shard in self.shape.iter().flat_map(|shape| &shape.shards) {
            let next = shape.shards.iter().find(|next| next.id == shard.id);
            if next.is_some_and(|next| next.primary() != shard.primary()) {
                changing.extend(shard.primary().map(str::to_owned));
            }
        }
        changing
    }

    /// Who has the data of a shard: the primary so far, or if its process died, a replica that outlived it. By shard
    /// id; none for a shard that is new, or that nobody survived.
    fn sources(&self, shape: &Shape, links: &BTreeMap<String, Link>) -> BTreeMap<String, String> {
        let mut sources = BTreeMap::new();
        for shard in self.shape.iter().flat_map(|shape| &shape.shards) {
            let next = shape.shards.iter().find(|next| next.id == shard.id).and_then(|next| next.primary());
            let mut survivors: Vec<&str> = shard.nodes.iter().map(|node| node.member.as_str()).collect();
            survivors.retain(|name| self.has_data(name, links));
            // Of the replicas, the one that is to be primary anyway.
            survivors.sort_by_key(|name| (Some(*name) != shard.primary(), Some(*name) != next));
            sources.extend(survivors.first().map(|source| (shard.id.clone(), (*source).to_owned())));
        }
        sources
    }

    fn has_data(&self, name: &str, links: &BTreeMap<String, Link>) -> bool {
        links.contains_key(name) && self.members.get(name).is_some_and(|member| !member.is_fresh)
    }

    /// Promotes the survivors of a dead primary. It has to happen before clients and replicas can reach the server
    /// that was started in its place: their replicas would copy its emptiness.
    async fn rescue(&self, sources: &BTreeMap<String, String>, links: &mut BTreeMap<String, Link>) -> io::Result<()> {
        if let Some(shape) = &self.shape {
            for shard in &shape.shards {
                if shard.primary().is_none_or(|primary| self.has_data(primary, links)) {
                    continue;
                }
                let Some(source) = sources.get(&shard.id) else { continue };
                let Some(link) = links.get_mut(source) else { continue };
                if shape.cluster {
                    cluster::take_over(link).await?;
                } else {
                    replication::stand_alone(link).await?;
                }
            }
        }
        Ok(())
    }

    /// What clients notice of a failover: connections end. The endpoints that lead to a role stay closed until it is
    /// over, so that no write reaches the old primary meanwhile.
    fn interrupt(&self, shape: &Shape) {
        let primaries = self.primaries_that_change(shape);
        for name in &primaries {
            if let Some(endpoint) = self.members.get(name).and_then(|member| member.endpoint.as_ref()) {
                endpoint.drop_connections();
            }
        }
        if !primaries.is_empty() && !shape.cluster && !shape.names_lag {
            for endpoint in self.endpoints.values() {
                endpoint.close();
            }
        }
    }

    async fn settle_replicas(
        &mut self,
        shape: &Shape,
        mut links: BTreeMap<String, Link>,
        sources: BTreeMap<String, String>,
    ) -> io::Result<()> {
        let Some(shard) = shape.shards.first() else { return Ok(()) };
        let replicas: Vec<&str> =
            shard.nodes.iter().filter(|node| !node.primary).map(|node| node.member.as_str()).collect();
        let source = sources.values().next().map(String::as_str);
        replication::settle(&mut links, shard.primary().unwrap_or_default(), &replicas, source).await?;
        self.stop_members_not_in(shape).await;
        Ok(())
    }

    async fn settle_cluster(
        &mut self,
        plane: &Inner,
        shape: &Shape,
        mut links: BTreeMap<String, Link>,
        sources: BTreeMap<String, String>,
    ) -> io::Result<()> {
        let plan = Plan { shards: &shape.shards, sources };
        if cluster::is_settled(&mut links, &plan).await? {
            return Ok(());
        }
        cluster::arrange(&mut links, &plan, &plane.host).await?;
        self.stop_members_not_in(shape).await;
        links.retain(|name, _| self.members.contains_key(name));
        cluster::agree(&mut links, &plan).await
    }

    async fn stop_members_not_in(&mut self, shape: &Shape) {
        let is_wanted = |name: &str| {
            let mut nodes = shape.shards.iter().flat_map(|shard| &shard.nodes);
            nodes.any(|node| node.member == name)
        };
        let gone: Vec<String> = self.members.keys().filter(|name| !is_wanted(name)).cloned().collect();
        for name in gone {
            if let Some(member) = self.members.remove(&name) {
                drop(member.endpoint);
                member.server.stop().await;
            }
        }
    }

    /// The endpoints that are not a member's own.
    async fn point_endpoints(&mut self, plane: &Inner, shape: &Shape) -> io::Result<()> {
        let sockets = |primary: bool| -> Vec<PathBuf> {
            let nodes = shape.shards.iter().flat_map(|shard| &shard.nodes).filter(|node| node.primary == primary);
            nodes.filter_map(|node| Some(self.members.get(&node.member)?.server.socket.clone())).collect()
        };
        let (primaries, replicas) = (sockets(true), sockets(false));
        let readers = if replicas.is_empty() { primaries.clone() } else { replicas.clone() };
        let everyone = primaries.iter().chain(&replicas).cloned().collect();
        let names = &shape.endpoints;
        let reader_port = if shape.serverless { shape.port + 1 } else { shape.port };
        let wanted = [
            (&names.primary, shape.port, primaries),
            (&names.reader, reader_port, readers),
            (&names.configuration, shape.port, everyone),
        ];
        let wanted: BTreeMap<String, (u16, Vec<PathBuf>)> = wanted
            .into_iter()
            .filter_map(|(name, port, servers)| Some((name.clone()?, (port, servers))))
            // In a group of one node the control plane may use the node's own name.
            .filter(|(name, (port, _))| shape.port != *port || !self.members.contains_key(name))
            .collect();
        self.endpoints.retain(|name, endpoint| wanted.get(name).is_some_and(|(port, _)| *port == endpoint.port));
        for (name, (port, servers)) in wanted {
            let route = route(shape, servers);
            match self.endpoints.get(&name) {
                Some(endpoint) => endpoint.lead(route),
                None => {
                    let address = plane.gate.addresses.of(&name);
                    self.endpoints.insert(name, Endpoint::listen(&plane.gate, address, port, route).await?);
                }
            }
        }
        Ok(())
    }
}

fn route(shape: &Shape, servers: Vec<PathBuf>) -> Route {
    Route {
        tls: shape.tls,
        servers,
        greeting: access::greeting(&shape.auth),
        epoch: 0,
        is_cut_off: false,
        lost: Vec::new(),
    }
}
