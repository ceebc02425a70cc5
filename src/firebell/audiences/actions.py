"""The actions on audiences and posts for other slices."""

from firebell.audiences import queries
from firebell.audiences.customers import actions as customer_actions
from firebell.audiences.posts import actions as posting
from firebell.audiences.settings import actions as settings_actions

create_customer = customer_actions.create_customer
import_csv = customer_actions.import_csv
of_incident = queries.of_incident
recall_post = posting.recall_post
save_audience = settings_actions.save_audience
save_contact = customer_actions.save_contact
send_post = posting.send_post
