//! The services that reach an app's devices, as its settings name them.

use std::{collections::HashMap, sync::Arc};

use arc_swap::ArcSwap;
use tsudoi_domain::settings::{PushChannel, PushSettings};
use tsudoi_push::{AddressPolicy, Apns, ApnsAccount, BadAccount, Fcm, FcmAccount, Gateway, GatewayAccount, Sender};

/// Senders by the number of their channel.
type Senders = HashMap<u32, Arc<dyn Sender>>;

/// The channels of an app.
pub(super) struct Channels {
    senders: ArcSwap<(Vec<PushChannel>, Senders)>,
    allows: AddressPolicy,
}

impl Channels {
    pub(super) fn new(settings: &PushSettings, allows: AddressPolicy) -> Self {
        let senders = ArcSwap::from_pointee((settings.channels.clone(), senders(&settings.channels, &allows)));
        Self { senders, allows }
    }

    /// Other settings are in force from now on.
    pub(super) fn change(&self, settings: &PushSettings) {
        if self.senders.load().0 != settings.channels {
            self.senders.store(Arc::new((settings.channels.clone(), senders(&settings.channels, &self.allows))));
        }
    }

    /// Whether nothing can be announced.
    pub(super) fn is_empty(&self) -> bool {
        self.senders.load().1.is_empty()
    }

    /// The sender of a channel.
    pub(super) fn get(&self, channel: u32) -> Option<Arc<dyn Sender>> {
        self.senders.load().1.get(&channel).cloned()
    }
}

fn senders(channels: &[PushChannel], allows: &AddressPolicy) -> Senders {
    let mut senders = Senders::new();
    for channel in channels {
        match sender(channel, allows.clone()) {
            Ok(sender) => _ = senders.insert(channel.id(), sender),
            Err(error) => tracing::error!(%error, channel = channel.id(), "a push channel cannot be used"),
        }
    }
    senders
}

fn sender(channel: &PushChannel, allows: AddressPolicy) -> Result<Arc<dyn Sender>, BadAccount> {
    Ok(match channel.clone() {
        PushChannel::Apns { id: _, team, key, private_key, topic, sandbox, address } => {
            Arc::new(Apns::new(ApnsAccount { team, key, private_key, topic, sandbox, address }, allows)?)
        }
        PushChannel::Fcm { id: _, project, email, private_key, token_address, address } => {
            Arc::new(Fcm::new(FcmAccount { project, email, private_key, token_address, address }, allows)?)
        }
        PushChannel::Gateway { id: _, address, secret, platform } => {
            Arc::new(Gateway::new(GatewayAccount { address, secret, platform }, allows)?)
        }
    })
}
